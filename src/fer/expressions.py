"""Name the five expressions and the classes of other networks, and give them their colours."""

import itertools
import unicodedata
from collections.abc import Mapping, Sequence

EXPRESSIONS = ("angry", "happy", "sad", "surprise", "neutral")  # the order of every label and every probability
SIDE = 48  # pixels; the network and every FER-2013 picture are 48×48, grey
# What tables and messages about faces say beside the probabilities, which go by the names of the classes.
FACE_COLUMNS = ("face", "x", "y", "width", "height", "expression", "confidence")
RESERVED_NAMES = {*FACE_COLUMNS, "file", "picture", "uncertain", "seconds", "label", "colour"}
FORBIDDEN_STARTS = ("=", "+", "-", "@", "_")  # a formula to spreadsheets; what matplotlib leaves out of legends
# Okabe & Ito's palette, which colour-blind people can tell apart.
COLOURS = dict(zip(EXPRESSIONS, ("#D55E00", "#E69F00", "#56B4E9", "#CC79A7", "#009E73"), strict=True))
# For other classes: what is left of that palette, then Petroff 2021's (matplotlib's "petroff10") without its greys,
# which would look uncertain.
MORE_COLOURS = ("#0072B2", "#F0E442", "#3F90DA", "#FFA90E", "#BD1F01", "#832DB6", "#A96B59", "#E76300", "#B9AC70")
ACCENT, MUTED = MORE_COLOURS[0], "#888888"  # of what is no class
# For `matplotlib.rc_context`: every figure that is drawn in it looks like the others.
FIGURE_STYLE = {
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "grid.alpha": 0.3,
    "text.parse_math": False,  # a $ in the name of a class is a $
}
HEADLINE = {"x": 0.01, "ha": "left"}  # where a figure's title stands


def classes_in(face_or_table: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of the classes in a table of faces, or in one of its rows, in their order.

    face_or_table: a table as from `Recogniser.recognise`, or a row or mapping with probabilities by name.
    """
    return tuple(name for name in face_or_table.keys() if name not in RESERVED_NAMES)  # noqa: SIM118 - a row yields values


def clean_class_name(name: str) -> str:
    """Make a class name fit for tables: one spelling of each letter, no needless space, no column's name, no formula.

    A name that is fit already stays as it is.
    """
    name = " ".join(unicodedata.normalize("NFC", name).split())  # macOS writes é as two letters, others as one
    return f"class {name}".strip() if not name or name in RESERVED_NAMES or name.startswith(FORBIDDEN_STARTS) else name


def is_valid_class_name(name: object) -> bool:
    """Tell whether something is the name of a class that can be shown in one line."""
    if not isinstance(name, str) or not name or name != clean_class_name(name):
        return False
    joiners = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # part of emoji and of Persian and Indian words
    return name.translate(dict.fromkeys(map(ord, joiners))).isprintable()


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """Give each class a colour that colour-blind people can tell from its neighbours; an expression keeps its own."""
    taken = [COLOURS[name] for name in classes if name in COLOURS]
    free = itertools.cycle(colour for colour in (*COLOURS.values(), *MORE_COLOURS) if colour not in taken)
    return {name: COLOURS.get(name) or next(free) for name in classes}
