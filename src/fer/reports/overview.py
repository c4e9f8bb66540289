"""Show and save what was recognised in many pictures: contact sheet, bar chart, tables."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from fer.expressions import class_colours, classes_in
from fer.media.collections import PictureFile
from fer.recognition.drawing import as_jpeg, as_png
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import is_certain
from fer.reports.batch import THUMBNAIL, join_faces, recognise_files
from fer.reports.picture import format_faces, pluralise

COLUMNS_ON_A_SHEET, ROWS_ON_A_SHEET = 4, 10
CAPTION = 20  # pixels below a thumbnail


def report_collection(recogniser: Recogniser, items: list[PictureFile], name: str, folder: Path) -> None:
    """Recognise many pictures; show and save contact sheets, a bar chart, and tables of faces and of problems.

    name: of the whole, printable. folder: for faces.csv, problems.csv, expressions.png and contact-sheet-1.jpg.
    """
    entries = recognise_files(recogniser, items, folder)
    faces = join_faces(entries, recogniser.columns)
    problems = pd.DataFrame([entry for entry in entries if entry["problem"]], columns=["file", "problem"])
    faces.to_csv(folder / "faces.csv", index=False, float_format="%.4f")
    problems.to_csv(folder / "problems.csv", index=False)
    counts = [pluralise(len(entries), "file"), pluralise(len(faces), "face"), pluralise(len(problems), "problem")]
    print(f"{name}: {', '.join(counts)}")
    sheets = contact_sheets([entry for entry in entries if entry["thumbnail"]], folder)
    for number, sheet in enumerate(sheets, start=1):
        Image.fromarray(sheet).save(folder / f"contact-sheet-{number}.jpg", quality=90)
    if sheets:
        display(DisplayedImage(as_jpeg(sheets[0], longest_side=max(sheets[0].shape)), format="jpeg"))
    if len(faces):
        chart = as_png(plot_expressions(faces))
        (folder / "expressions.png").write_bytes(chart)
        display(DisplayedImage(chart))
        first = faces.head(8)
        display(format_faces({file: rows.drop(columns="file") for file, rows in first.groupby("file", sort=False)}))
    if len(problems):
        with pd.option_context("display.max_colwidth", None):
            display(problems.head(20).set_index("file"))
    shown = f" The first of {len(sheets)} contact sheets is shown." if len(sheets) > 1 else ""
    print(f"Saved {folder}/: faces.csv ({pluralise(len(faces), 'row')}), problems.csv, contact sheet, chart.{shown}")


def contact_sheets(entries: list[dict], folder: Path) -> list[np.ndarray]:
    """Lay out thumbnails with their files' names, forty on a sheet; return (height, width, 3) uint8 sheets."""
    most = COLUMNS_ON_A_SHEET * ROWS_ON_A_SHEET
    return [contact_sheet(entries[first : first + most], folder) for first in range(0, len(entries), most)]


def contact_sheet(entries: list[dict], folder: Path) -> np.ndarray:
    """Lay out some thumbnails on one sheet; see `contact_sheets`."""
    width, height = THUMBNAIL[0] + 8, THUMBNAIL[1] + CAPTION + 8
    columns = min(len(entries), COLUMNS_ON_A_SHEET)
    sheet = Image.new("RGB", (columns * width, -(-len(entries) // columns) * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 11)
    for position, entry in enumerate(entries):
        x, y = position % columns * width, position // columns * height
        with Image.open(folder / entry["thumbnail"]) as picture:
            sheet.paste(picture, (x + (width - picture.width) // 2, y + THUMBNAIL[1] + 4 - picture.height))
        caption = shorten(entry["file"], lambda text: draw.textlength(text, font) <= THUMBNAIL[0])
        draw.text((x + width / 2, y + height - CAPTION / 2 - 2), caption, "black", font, anchor="mm")
    return np.asarray(sheet)


def shorten(text: str, fits: Callable[[str], bool]) -> str:
    """Leave out the middle of a text until it fits: its end, which tells files apart, stays."""
    kept, shown = len(text), text
    while not fits(shown) and kept > 1:
        kept -= 1
        shown = f"{text[: kept // 3]}…{text[len(text) - (kept - kept // 3) :]}"
    return shown


def plot_expressions(faces: pd.DataFrame) -> Figure:
    """Count the faces of each class; the pale part of a bar are those that are uncertain."""
    certain = np.array([is_certain(face) for _, face in faces.iterrows()], bool)
    colours = class_colours(classes_in(faces))
    names, shades = list(colours), list(colours.values())
    figure = Figure(figsize=(7, max(2.6, 1 + 0.32 * len(names))), layout="constrained")
    axes = figure.subplots()
    sure, unsure = (
        faces["expression"][chosen].value_counts().reindex(names, fill_value=0) for chosen in (certain, ~certain)
    )
    axes.barh(names, sure, color=shades)
    bars = axes.barh(names, unsure, left=sure, color=shades, alpha=0.35)
    axes.bar_label(
        bars, [f"{a + b}" + (f" ({b} uncertain)" if b else "") for a, b in zip(sure, unsure, strict=True)], padding=3
    )
    axes.set_xlim(0, max(1, (sure + unsure).max()) * 1.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.invert_yaxis()
    axes.set_xlabel("faces (pale: uncertain)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
