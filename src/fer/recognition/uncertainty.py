"""Tell sure answers from unsure ones, in words."""

from collections.abc import Mapping

import pandas as pd

from fer.expressions import classes_in

# Below one half, the network itself gives the named expression less than all others together. On PublicTest, answers
# below it are indeed wrong more often than right: "coverage" in results/metrics.json.
CONFIDENCE_THRESHOLD = 0.5


def top_classes(face: Mapping[str, float], most: int = 2) -> list[str]:
    """Return the names of the `most` most probable classes, in that order; face: probabilities by name."""
    return sorted(classes_in(face), key=lambda name: -face[name])[:most]


def is_certain(face: Mapping[str, float]) -> bool:
    """Tell whether the most probable expression reaches CONFIDENCE_THRESHOLD; face: probabilities by name."""
    return max(face[name] for name in classes_in(face)) >= CONFIDENCE_THRESHOLD


def are_certain(faces: pd.DataFrame) -> pd.Series:
    """Tell the same of each row of `Recogniser.recognise`, as bool."""
    return faces[list(classes_in(faces))].max(axis=1) >= CONFIDENCE_THRESHOLD


def name_expression(face: Mapping[str, float]) -> str:
    """Name the expression of a row of `Recogniser.recognise`, or the two most probable: "uncertain: sad or angry"."""
    first, second = top_classes(face)
    return first if is_certain(face) else f"uncertain: {first} or {second}"


def face_label(face: Mapping[str, float]) -> str:
    """Write what stands beside the box of a face: "1 happy 93%", or two lines where that is uncertain.

    A face without a number (0), which `track_faces` gives at second sight, has none here.
    """
    first, second = top_classes(face)
    number = f"{face['face']} " if face["face"] else ""
    if is_certain(face):
        return f"{number}{first} {face[first]:.0%}"
    return f"{number}uncertain\n{first} {face[first]:.0%}, {second} {face[second]:.0%}"
