"""Name the five expressions, and the classes of other networks."""

import unicodedata
from collections.abc import Mapping

EXPRESSIONS = ("angry", "happy", "sad", "surprise", "neutral")  # the order of every label and every probability
SIDE = 48  # pixels; the network and every FER-2013 picture are 48×48, grey
# What tables and messages about faces say beside the probabilities, which go by the names of the classes.
FACE_COLUMNS = ("face", "x", "y", "width", "height", "expression", "confidence")
TAKEN_NAMES = {*FACE_COLUMNS, "file", "picture", "seconds", "label", "colour"}
NO_STARTS = ("=", "+", "-", "@", "_")  # a formula to spreadsheets; what matplotlib leaves out of legends


def classes_in(face_or_table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the classes in a table of faces, or in one of its rows, in their order.

    face_or_table: a table as from `Recogniser.recognise`, or a row or mapping with probabilities by name.
    """
    return tuple(name for name in face_or_table.keys() if name not in TAKEN_NAMES)  # noqa: SIM118 - a row yields values


def fit_name(name: str) -> str:
    """Make a class name fit for tables: one spelling of each letter, no needless space, no column's name, no formula.

    A name that is fit already stays as it is.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())  # macOS writes é as two letters, others as one
    return f"class {name}".strip() if not name or name in TAKEN_NAMES or name.startswith(NO_STARTS) else name


def is_fit_name(name: object) -> bool:
    """Tell whether something is the name of a class that can be shown in one line."""
    if not isinstance(name, str) or not name or name != fit_name(name):
        return False
    joiners = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # part of emoji and of Persian and Indian words
    return name.translate(dict.fromkeys(map(ord, joiners))).isprintable()
