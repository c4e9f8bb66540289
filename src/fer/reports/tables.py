"""Show and save tables of faces."""

from pathlib import Path

import pandas as pd
from IPython.display import display

from fer.expressions import classes_in
from fer.faces.detection import MIN_FACE_SIDE
from fer.faces.tracking import BOX_COLUMNS
from fer.notebook.errors import write_whole
from fer.recognition.uncertainty import are_certain, name_expression

pd.options.display.width = 160  # shows a table of faces in one piece where there is no HTML


def save_faces(faces: pd.DataFrame, path: Path) -> None:
    """Write rows of `Recogniser.recognise` as CSV: probabilities to four digits, and `uncertain` after `confidence`."""
    columns = faces.columns.insert(faces.columns.get_loc("confidence") + 1, "uncertain")
    table = faces.assign(uncertain=~are_certain(faces))[columns]
    write_whole(path, table.to_csv(index=False, float_format="%.4f"))


def show_faces(faces: pd.DataFrame, most: int, place: str) -> None:
    """Show rows of `Recogniser.recognise`, with a column `file` where they are of several; see `show_table`."""
    shown = format_faces(faces)
    show_table(shown, shown.columns.get_loc("expression") + 1, most, "faces", place)


def format_faces(faces: pd.DataFrame) -> pd.DataFrame:
    """Return a table of faces for people: the answer first, with percentages, and the box last."""
    percentages = ["confidence", *classes_in(faces)]
    shown = faces.assign(expression=[name_expression(face) for _, face in faces.iterrows()])
    shown[percentages] = shown[percentages].map("{:.0%}".format)
    whose = [name for name in ("file", "face") if name in faces]
    return shown[[*whose, "expression", *percentages, *BOX_COLUMNS]]


def show_table(table: pd.DataFrame, text_columns: int, most: int, noun: str, place: str) -> None:
    """Show at most so many rows without their index, the first columns, which hold text, to the left.

    noun, place: of the rows and of where all of them are, for a sentence where some are left out.
    """
    rows = table.head(most)
    with pd.option_context("display.max_colwidth", None):
        html = rows.to_html(index=False, border=0, classes=f"text-{text_columns}")
    cells = f".text-{text_columns} :is(th, td):nth-child(-n + {text_columns})"
    html = f"<style>{cells} {{text-align: left}}</style>{html}"
    display({"text/html": html, "text/plain": rows.to_string(index=False)}, raw=True)
    if len(rows) < len(table):
        print(f"The first {len(rows)} of {len(table)} {noun}; all are in {place}.")


def small_faces_hint(faces: pd.DataFrame) -> str:
    """Return a sentence where the smallest face is hardly large enough, so that others may have been too small."""
    smallest = faces["width"].min()
    if not smallest < 1.5 * MIN_FACE_SIDE:  # of no face, it is not a number
        return ""
    return f". The smallest is {smallest} pixels wide; faces of less than {MIN_FACE_SIDE} pixels may have been missed."


def pluralise(number: int, noun: str) -> str:
    """Write a number with its noun: "no faces", "1 face", "40 faces"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
