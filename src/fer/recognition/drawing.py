"""Draw boxes on the picture, and a bar for each probability of each face."""

import io
import warnings
from collections.abc import Callable, Mapping

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.figure import Figure, SubFigure
from PIL import Image, ImageDraw, ImageFont

from fer.expressions import class_colours, classes_in
from fer.recognition.uncertainty import face_label, is_certain, top_classes

UNCERTAIN_COLOUR = "#BBBBBB"
PICTURE_SIDE = 4.8  # inches of the longer side of a picture that has its bars beside it

matplotlib.rcParams["text.parse_math"] = False  # a $ in the name of a class is a $
warnings.filterwarnings("ignore", message="Glyph .* missing from")  # such a letter is drawn as a box


def annotate(
    image: np.ndarray, table: pd.DataFrame, label: Callable[[Mapping[str, float]], str] = face_label
) -> np.ndarray:
    """Draw a box on each face of a picture, grey where uncertain, and beside it what `label` makes of its row, if any.

    image: (height, width[, 3]) uint8. table: as from `Recogniser.recognise`. Returns (height, width, 3) uint8.
    """
    canvas = Image.fromarray(image).convert("RGB")
    draw = ImageDraw.Draw(canvas)
    for _, face in table[::-1].iterrows():  # the largest face is drawn last, on top
        # A line and letters that fit the face, but can be read in a small picture and in a huge one.
        letters = int(max(14, max(image.shape) / 60, min(face.width / 8, max(image.shape) / 20)))
        line = max(2, letters // 8)
        colour = face_colour(face)
        box = (face.x, face.y, face.x + face.width, face.y + face.height)
        draw.rectangle([box[0] - line, box[1] - line, box[2] + line, box[3] + line], outline="black", width=3 * line)
        draw.rectangle(box, outline=colour, width=line)
        if text := label(face):
            draw_label(draw, text, box, letters, colour, canvas.size)
    return np.asarray(canvas)


def face_colour(face: Mapping[str, float]) -> str:
    """Return the colour of a face's expression, or grey where that is uncertain; face: probabilities by name."""
    return class_colours(classes_in(face))[top_classes(face)[0]] if is_certain(face) else UNCERTAIN_COLOUR


def draw_label(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: tuple[int, int, int, int],
    letters: int,
    colour: str,
    size: tuple[int, int],
) -> None:
    """Write black text on a coloured plate above the box, or below or inside it where the picture ends."""
    file = font_manager.findfont("DejaVu Sans:bold")
    needed = draw.textbbox((0, 0), text, ImageFont.truetype(file, letters))[2] + letters // 2
    letters = max(8, min(letters, letters * size[0] // needed))  # smaller where the picture is too narrow
    font, padding = ImageFont.truetype(file, letters), letters // 4
    left, top, right, bottom = draw.textbbox((0, 0), text, font)
    width, height = right - left + 2 * padding, bottom - top + 2 * padding
    x = min(max(0, box[0]), max(0, size[0] - width - 1))
    above, below = box[1] - height - letters // 4, box[3] + letters // 4
    y = above if above >= 0 else below if below + height <= size[1] else max(0, box[1])
    draw.rectangle([x, y, x + width, y + height], fill=colour, outline="black", width=max(1, letters // 12))
    draw.text((x + padding - left, y + padding - top), text, fill="black", font=font)


def as_jpeg(image: np.ndarray, longest_side: int = 800) -> bytes:
    """Encode a (height, width, 3) uint8 picture, shrunk to a notebook's width, as JPEG."""
    picture = Image.fromarray(image)
    picture.thumbnail((longest_side, longest_side))
    content = io.BytesIO()
    picture.save(content, "JPEG", quality=90)
    return content.getvalue()


def render_figure(figure: Figure, kind: str = "png") -> bytes:
    """Render a figure as "png" or, where it holds a photo, as "jpeg"."""
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=100)
    return content.getvalue()


def plot_probabilities(table: pd.DataFrame, crops: np.ndarray, most: int = 12) -> Figure:
    """Show each face of a table, which has one at least, as the network saw it, beside its probabilities.

    crops: (n, 48, 48) uint8, one for each row of the table. At most the `most` largest faces are shown.
    """
    shown = table.head(most)
    # Not by pyplot, which keeps figures for the whole process: snapshots are drawn on other threads, too.
    figure = Figure(figsize=(7, bars_height(shown)), layout="constrained")
    draw_bars(figure, shown, crops)
    return figure


def plot_picture_and_probabilities(annotated: np.ndarray, table: pd.DataFrame, crops: np.ndarray) -> Figure:
    """Show an annotated (height, width, 3) uint8 picture, and beside it what `plot_probabilities` shows.

    The table has at least one face.
    """
    picture = Image.fromarray(annotated)
    picture.thumbnail((960, 960))
    height = PICTURE_SIDE * picture.height / max(picture.size)
    # As wide for a portrait as for a landscape, so that the bars of pictures below each other begin below each other.
    figure = Figure(figsize=(PICTURE_SIDE + 4, max(height, bars_height(table))), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(PICTURE_SIDE, 4))
    axes = left.subplots()
    axes.imshow(picture)
    axes.set_axis_off()
    draw_bars(right, table, crops)
    for bars in right.axes[1::2]:
        bars.set_box_aspect(0.11 * len(classes_in(table)))
    return figure


def fits_beside_picture(table: pd.DataFrame) -> bool:
    """Tell whether `plot_picture_and_probabilities` has room for all faces of a table."""
    return 0 < bars_height(table) <= PICTURE_SIDE


def bars_height(table: pd.DataFrame) -> float:
    """Return the inches that the bars of all faces need below each other."""
    return max(1.6, 0.32 * len(classes_in(table))) * len(table)


def draw_bars(figure: Figure | SubFigure, table: pd.DataFrame, crops: np.ndarray) -> None:
    """Draw a row for each face: its (48, 48) crop and a bar for each probability."""
    colours = class_colours(classes_in(table))
    rows = figure.subplots(len(table), 2, width_ratios=(2, 5), squeeze=False)
    for (picture, bars), crop, (_, face) in zip(rows, crops, table.iterrows(), strict=False):
        picture.imshow(crop, cmap="gray", vmin=0, vmax=255)
        picture.set_axis_off()
        picture.set_title(f"face {face['face']}" + ("" if is_certain(face) else "\nuncertain"), fontsize=10)
        values = face[list(colours)].astype(float)
        bars.barh(list(colours), values, color=list(colours.values()), height=0.8)
        for position, value in enumerate(values):
            bars.text(value + 0.01, position, f"{value:.0%}", va="center", fontsize=9)
        bars.set_xlim(0, 1.15)
        bars.set_xticks([])
        bars.invert_yaxis()
        bars.tick_params(length=0)
        bars.spines[:].set_visible(False)
