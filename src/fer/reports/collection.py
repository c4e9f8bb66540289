"""Show and save what was recognised in many pictures: contact sheets, a bar chart, tables."""

from pathlib import Path

import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from fer.expressions import class_colours, classes_in
from fer.media.collections import PictureFile
from fer.notebook.errors import atomic_write, write_whole
from fer.recognition.drawing import render_figure
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import are_certain
from fer.reports.batch import THUMBNAIL_SIZE, join_faces, recognise_files
from fer.reports.tables import pluralise, save_faces, show_faces, show_table, small_faces_hint

SHEET_COLUMNS, SHEET_ROWS = 4, 10
CAPTION_HEIGHT = 26  # pixels below a thumbnail


def report_collection(recogniser: Recogniser, files: list[PictureFile], name: str, folder: Path) -> None:
    """Recognise many pictures; show and save contact sheets, a bar chart, and tables of faces and of problems.

    name: of the whole, printable. folder: for faces.csv, problems.csv, expressions.png and contact-sheet-1.jpg.
    """
    entries = recognise_files(recogniser, files, folder)
    faces, problems = join_faces(entries, recogniser.columns), list_problems(entries)
    print(f"{name}, {count_files(entries)}; {pluralise(len(faces), 'face')}{small_faces_hint(faces)}")
    save_faces(faces, folder / "faces.csv")
    write_whole(folder / "problems.csv", problems.to_csv(index=False))
    sheets = save_contact_sheets([entry for entry in entries if entry["thumbnail"]], folder)
    saved = [f"faces.csv ({pluralise(len(faces), 'row')})", f"problems.csv ({pluralise(len(problems), 'row')})"]
    saved += [" to ".join(dict.fromkeys(sheets[:1] + sheets[-1:]))] if sheets else []
    if len(faces):
        chart = render_figure(plot_expression_counts(faces))
        write_whole(folder / "expressions.png", chart)
        saved.append("expressions.png")
        display(DisplayedImage(chart))
        show_faces(faces, 8, "faces.csv")
    if len(problems):
        show_table(problems, 2, 20, "problems", "problems.csv")
    print(f"Saved in {folder}/: {', '.join(saved)}.")


def count_files(entries: list[dict]) -> str:
    """Count the files in words: "5 files: 3 with faces, 1 without, 1 unreadable"."""
    unreadable, with_faces = (sum(bool(entry[what]) for entry in entries) for what in ("problem", "faces"))
    without = len(entries) - unreadable - with_faces
    return f"{pluralise(len(entries), 'file')}: {with_faces} with faces, {without} without, {unreadable} unreadable"


def list_problems(entries: list[dict]) -> pd.DataFrame:
    """List the files without a face in the table of faces: a row for each, with the columns file and problem."""
    rows = [(entry["file"], entry["problem"] or "no face was found") for entry in entries if not entry["faces"]]
    return pd.DataFrame(rows, columns=["file", "problem"])


def save_contact_sheets(entries: list[dict], folder: Path) -> list[str]:
    """Save contact sheets of forty thumbnails each in a folder; show the first and return the names of all."""
    most = SHEET_COLUMNS * SHEET_ROWS
    names = [f"contact-sheet-{number + 1}.jpg" for number in range(-(-len(entries) // most))]
    for number, name in enumerate(names):
        sheet = draw_contact_sheet(entries[number * most :][:most], folder)
        with atomic_write(folder / name) as path:
            sheet.save(path, quality=90)
    if names:
        display(DisplayedImage(str(folder / names[0])))
    if len(names) > 1:
        print(f"The first of {len(names)} contact sheets.")
    return names


def draw_contact_sheet(entries: list[dict], folder: Path) -> Image.Image:
    """Lay out the thumbnails of at most forty entries, which are in the folder, with their files' names below."""
    width, height = THUMBNAIL_SIZE[0] + 8, THUMBNAIL_SIZE[1] + CAPTION_HEIGHT + 8
    columns = min(len(entries), SHEET_COLUMNS)
    sheet = Image.new("RGB", (columns * width, -(-len(entries) // columns) * height), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 14)
    for position, entry in enumerate(entries):
        x, y = position % columns * width, position // columns * height
        with Image.open(folder / entry["thumbnail"]) as picture:
            sheet.paste(picture, (x + (width - picture.width) // 2, y + THUMBNAIL_SIZE[1] + 4 - picture.height))
        remark = "" if entry["faces"] else " (no face)"
        caption = shorten(entry["file"], font, THUMBNAIL_SIZE[0] - font.getlength(remark)) + remark
        draw.text((x + width / 2, y + height - CAPTION_HEIGHT / 2 - 2), caption, "black", font, anchor="mm")
    return sheet


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
    certain = are_certain(faces)
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
