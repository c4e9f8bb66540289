"""Draw boxes on the picture, and a bar for each probability of each face."""

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.figure import Figure, SubFigure
from PIL import Image, ImageDraw, ImageFont

from fer.expressions import class_colours, classes_in
from fer.recognition.uncertainty import face_label, is_certain, top_classes

UNCERTAIN_COLOUR = "#BBBBBB"
Box = tuple[int, int, int, int]  # left, top, right, bottom
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
    faces = [face for _, face in table.sort_values("face").iterrows()]
    boxes = [(face.x, face.y, face.x + face.width, face.y + face.height) for face in faces]
    # A line and letters that fit the face, but can be read in a small picture and in a huge one.
    longest = max(image.shape)
    letters = [int(max(14, longest / 60, min(face.width / 8, longest / 20))) for face in faces]
    for face, box, size in list(zip(faces, boxes, letters, strict=True))[::-1]:  # the first, the largest, on top
        line = max(2, size // 8)
        draw.rectangle([box[0] - line, box[1] - line, box[2] + line, box[3] + line], outline="black", width=3 * line)
        draw.rectangle(box, outline=face_colour(face), width=line)
    plates = []
    for number, (face, box, size) in enumerate(zip(faces, boxes, letters, strict=True)):
        if text := label(face):
            taken = [*plates, *boxes[:number], *boxes[number + 1 :]]
            plates.append(draw_label(draw, text, box, size, face_colour(face), canvas.size, taken))
    return np.asarray(canvas)


def face_colour(face: Mapping[str, float]) -> str:
    """Return the colour of a face's expression, or grey where that is uncertain; face: probabilities by name."""
    return class_colours(classes_in(face))[top_classes(face)[0]] if is_certain(face) else UNCERTAIN_COLOUR


def draw_label(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: Box,
    letters: int,
    colour: str,
    size: tuple[int, int],
    taken: Sequence[Box],
) -> Box:
    """Write black text on a coloured plate beside the box, shortened where others leave no room; return the plate."""
    file = font_manager.findfont("DejaVu Sans:bold")
    needed = draw.textbbox((0, 0), text, ImageFont.truetype(file, letters))[2] + letters // 2
    letters = max(8, min(letters, letters * size[0] // needed))  # smaller where the picture is too narrow
    font, padding = ImageFont.truetype(file, letters), letters // 4
    for shorter in shortened(text):
        left, top, right, bottom = draw.textbbox((0, 0), shorter, font)
        plate_size = right - left + 2 * padding, bottom - top + 2 * padding
        plate, covered = place_label(box, plate_size, (size[0] - 1, size[1] - 1), padding, taken)
        if covered == 0:
            break
    draw.rectangle(plate, fill=colour, outline="black", width=max(1, letters // 12))
    draw.text((plate[0] + padding - left, plate[1] + padding - top), shorter, fill="black", font=font)
    return plate


def shortened(label: str) -> list[str]:
    """Return a label as from `face_label`, the same without percentages, and its number alone, if it has one."""
    line = re.sub(r" \d+%$", "", label.split("\n")[0])
    return [label, line, line.split(" ")[0]]


def place_label(
    box: Box, plate_size: tuple[int, int], size: tuple[int, int], gap: int, taken: Sequence[Box]
) -> tuple[Box, int]:
    """Place a plate above the box, below or inside it, where it covers least of what is taken, and say how much.

    plate_size, size of the picture: (width, height).
    """
    (left, top, right, bottom), (width, height) = box, plate_size
    most_x, most_y = size[0] - width, size[1] - height
    rows = [y for y in (top - height - gap, bottom + gap) if 0 <= y <= most_y] + [max(0, min(top, most_y))]
    columns = [max(0, min(x, most_x)) for x in (left, right - width)]
    plates = np.array([(x, y, x + width, y + height) for y in rows for x in columns])
    boxes = np.reshape(taken, (-1, 4))
    low, high = np.maximum(plates[:, None, :2], boxes[:, :2]), np.minimum(plates[:, None, 2:], boxes[:, 2:])
    covered = np.clip(high - low, 0, None).prod(axis=2).sum(axis=1)
    best = covered.argmin()  # the first of equal ones
    return tuple(plates[best].tolist()), covered[best]


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
