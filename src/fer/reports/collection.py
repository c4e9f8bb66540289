"""Show and save what was recognised in many pictures: contact sheets, a bar chart, tables."""

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
from fer.recognition.drawing import as_jpeg, render_figure
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import is_certain
from fer.reports.batch import THUMBNAIL_SIZE, join_faces, recognise_files
from fer.reports.picture import format_faces, pluralise

SHEET_COLUMNS, SHEET_ROWS = 4, 10
CAPTION_HEIGHT = 26  # pixels below a thumbnail


def report_collection(recogniser: Recogniser, files: list[PictureFile], name: str, folder: Path) -> None:
    """Recognise many pictures; show and save contact sheets, a bar chart, and tables of faces and of problems.

    name: of the whole, printable. folder: for faces.csv, problems.csv, expressions.png and contact-sheet-1.jpg.
    """
    entries = recognise_files(recogniser, files, folder)
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
        chart = render_figure(plot_expression_counts(faces))
        (folder / "expressions.png").write_bytes(chart)
        display(DisplayedImage(chart))
        display(format_faces(faces.head(8)))
    if len(problems):
        with pd.option_context("display.max_colwidth", None):
            display(problems.head(20).set_index("file"))
    shown = f" The first of {len(sheets)} contact sheets is shown." if len(sheets) > 1 else ""
    print(f"Saved {folder}/: faces.csv ({pluralise(len(faces), 'row')}), problems.csv, contact sheet, chart.{shown}")


def contact_sheets(entries: list[dict], folder: Path) -> list[np.ndarray]:
    """Lay out thumbnails with their files' names, forty on a sheet; return (height, width, 3) uint8 sheets."""
    most = SHEET_COLUMNS * SHEET_ROWS
    return [contact_sheet(entries[first : first + most], folder) for first in range(0, len(entries), most)]


def contact_sheet(entries: list[dict], folder: Path) -> np.ndarray:
    """Lay out some thumbnails on one sheet; see `contact_sheets`."""
    width, height = THUMBNAIL_SIZE[0] + 8, THUMBNAIL_SIZE[1] + CAPTION_HEIGHT + 8
    columns = min(len(entries), SHEET_COLUMNS)
    sheet = Image.new("RGB", (columns * width, -(-len(entries) // columns) * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 14)
    for position, entry in enumerate(entries):
        x, y = position % columns * width, position // columns * height
        with Image.open(folder / entry["thumbnail"]) as picture:
            sheet.paste(picture, (x + (width - picture.width) // 2, y + THUMBNAIL_SIZE[1] + 4 - picture.height))
        caption = shorten(entry["file"], font, THUMBNAIL_SIZE[0])
        draw.text((x + width / 2, y + height - CAPTION_HEIGHT / 2 - 2), caption, "black", font, anchor="mm")
    return np.asarray(sheet)


def shorten(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """Leave out the middle of a text until it fits into a width: its end, which tells files apart, stays."""
    kept, shown = len(text), text
    while font.getlength(shown) > width and kept > 1:
        kept -= 1
        shown = f"{text[: kept // 3]}…{text[len(text) - (kept - kept // 3) :]}"
    return shown


def plot_expression_counts(faces: pd.DataFrame) -> Figure:
    """Count the faces of each class; the pale part of a bar are those that are uncertain."""
    colours = class_colours(classes_in(faces))
    names = list(colours)
    certain = np.array([is_certain(face) for _, face in faces.iterrows()], bool)
    sure, unsure = (
        faces["expression"][rows].value_counts().reindex(names, fill_value=0) for rows in (certain, ~certain)
    )
    figure = Figure(figsize=(7, max(2.6, 1 + 0.32 * len(names))), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, sure, color=list(colours.values()))
    bars = axes.barh(names, unsure, left=sure, color=list(colours.values()), alpha=0.35)
    labels = [f"{a + b}" + (f" ({b} uncertain)" if b else "") for a, b in zip(sure, unsure, strict=True)]
    axes.bar_label(bars, labels, padding=3)
    axes.set_xlim(0, max(1, (sure + unsure).max()) * 1.2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.invert_yaxis()
    axes.set_xlabel("faces (pale: uncertain)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
