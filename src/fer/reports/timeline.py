"""Keep what was recognised in each frame, draw it over time, and save it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer.expressions import class_colours, classes_in
from fer.faces.tracking import BOX_COLUMNS, Track
from fer.notebook.errors import write_whole

LONG_PAUSE = 1.1  # seconds; frames are up to one apart


def timeline_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a record of faces that a network for these classes has named."""
    return ("seconds", "face", *BOX_COLUMNS, *classes)


def timeline_rows(faces: list[Track]) -> list[tuple]:
    """Return what a frame adds to a timeline: a row a face, with the network's own probabilities, not smoothed ones.

    faces: those that `track_faces` saw in it. One that is seen for the second time brings the row of the first along;
    one that is seen in a single frame has none.
    """
    return [(seconds, face.face, *values) for face in faces if face.face for seconds, *values in face.rows]


def rows_of_single_frame(faces: list[Track]) -> list[tuple]:
    """Return the timeline of a picture or of a single frame: no second one tells which are faces, so all count."""
    return timeline_rows([face._replace(face=number) for number, face in enumerate(faces, 1)])


def tabulate_timeline(rows: list[tuple], classes: Sequence[str]) -> pd.DataFrame:
    """Make the record of a timeline of rows as from `timeline_rows`: in the order of time, then of the faces."""
    return pd.DataFrame(sorted(rows, key=lambda row: row[:2]), columns=timeline_columns(classes))


def plot_timeline(record: pd.DataFrame, most: int = 6) -> Figure:
    """Draw a curve for each class and each face over the seconds; of many faces, the `most` seen longest.

    record: with the columns of `timeline_columns`, at least one row.
    """
    colours = class_colours(classes_in(record))
    numbers = sorted(record["face"].value_counts().index[:most])
    figure = Figure(figsize=(8, 0.6 + 1.9 * len(numbers)), layout="constrained")
    rows = figure.subplots(len(numbers), 1, sharex=True, squeeze=False)[:, 0]
    for axes, number in zip(rows, numbers, strict=True):
        of_face = with_gaps(record[record["face"] == number])
        for name, colour in colours.items():
            marker = "o" if len(of_face) == 1 else None
            axes.plot(of_face["seconds"], of_face[name], color=colour, label=name, marker=marker)
        axes.set(ylim=(-0.02, 1.02), ylabel=f"face {number}", yticks=(0, 0.5, 1), yticklabels=("0%", "50%", "100%"))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    rows[-1].set_xlabel("seconds")
    handles, labels = rows[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(labels), 6), frameon=False)
    return figure


def with_gaps(of_face: pd.DataFrame) -> pd.DataFrame:
    """Break the curves where a face was away: an empty row after each row that a long pause follows."""
    before_pause = of_face[of_face["seconds"].diff(-1) < -LONG_PAUSE]
    empty = before_pause.copy()
    empty[list(classes_in(of_face))] = np.nan
    return pd.concat([of_face, empty]).sort_values("seconds", kind="stable")


def save_timeline(record: pd.DataFrame, path: Path, append: bool = False) -> None:
    """Write a record as CSV, or append it to one: seconds to the millisecond, probabilities to four digits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = record.round({"seconds": 3} | dict.fromkeys(classes_in(record), 4))
    text = rounded.to_csv(index=False, header=not append)
    if append:
        with path.open("a") as file:
            file.write(text)
    else:
        write_whole(path, text)
