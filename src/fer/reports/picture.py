"""Recognise the faces of one picture, show the result and save it."""

from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fer.expressions import classes_in
from fer.media.pictures import decode_image
from fer.notebook.paths import SOURCE_KEY, picture_result_path, sha256_hex
from fer.recognition.drawing import (
    as_jpeg,
    fits_beside_picture,
    plot_picture_and_probabilities,
    plot_probabilities,
    render_figure,
)
from fer.recognition.picture import RecognisedPicture, recognise_picture
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import name_expression

pd.options.display.width = 160  # shows a table of faces in one piece where there is no HTML


def report_picture(recogniser: Recogniser, name: str, content: bytes, results: Path) -> RecognisedPicture:
    """Show the annotated picture and the probabilities; save picture and table as results/<name>.png and .csv.

    name: printable; content: the bytes of a picture file. Raises UnreadablePictureError.
    """
    picture = recognise_picture(recogniser, decode_image(content, name), name)
    source = sha256_hex(content)
    saved = picture_result_path(results, name, source)
    save_picture(picture.annotated, picture.table, saved, source)
    print(f"{name}: {pluralise(len(picture.table), 'face')}, saved as {saved}.png and .csv")
    show_picture(picture)
    if picture.table.empty:
        print(
            f"No face was found in {name}. The detector looks for upright faces seen from the front, at least 24 pixels"
            " wide when the picture's longer side is 800: try a closer, better lit or less turned view."
        )
    return picture


def show_picture(picture: RecognisedPicture) -> None:
    """Show an annotated picture with the probabilities of its faces: of a few beside it, of many below."""
    name, table, crops, annotated = picture
    if fits_beside_picture(table):
        portrait = plot_picture_and_probabilities(annotated, table, crops)
        # metadata, because IPython 7, which Colab has, knows no `alt`
        display(DisplayedImage(render_figure(portrait, "jpeg"), format="jpeg", metadata={"alt": name}))
        return
    display(DisplayedImage(as_jpeg(annotated), format="jpeg", metadata={"alt": name}))
    if len(table):
        display(DisplayedImage(render_figure(plot_probabilities(table, crops))))


def save_picture(annotated: np.ndarray, table: pd.DataFrame, saved: Path, source: str = "") -> None:
    """Write an annotated (height, width, 3) picture and the table of its faces as <saved>.png and .csv.

    source: the SHA-256 of the picture file, which the PNG keeps for `picture_result_path`.
    """
    saved.parent.mkdir(parents=True, exist_ok=True)
    about = PngInfo()
    about.add_text(SOURCE_KEY, source)
    # Level 1 takes a third of the default's time (seconds for a photo of 12 megapixels) and a sixth more space.
    Image.fromarray(annotated).save(saved.with_suffix(".png"), pnginfo=about, compress_level=1)
    table.to_csv(saved.with_suffix(".csv"), index=False, float_format="%.4f")


def format_faces(faces: pd.DataFrame) -> pd.DataFrame:
    """Return a table of faces for people: the answer first, with percentages, and the box last.

    faces: rows of `Recogniser.recognise`, of several pictures with the column `file`.
    """
    classes, box = classes_in(faces), ["x", "y", "width", "height"]
    shown = faces.set_index([name for name in ("file", "face") if name in faces])[["confidence", *classes]]
    shown = shown.apply(lambda column: column.map("{:.0%}".format))
    shown.insert(0, "expression", [name_expression(face) for _, face in faces.iterrows()])
    return shown.assign(**{name: faces[name].to_numpy() for name in box})


def pluralise(number: int, noun: str) -> str:
    """Write a number with its noun: "no faces", "1 face", "40 faces"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
