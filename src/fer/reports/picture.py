"""Recognise the faces of one picture, show the result and save it."""

from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fer.expressions import classes_in
from fer.faces.detection import crop_faces, detect_thorough
from fer.media.pictures import decode_image, to_grey
from fer.notebook.paths import SOURCE_KEY, picture_result_path, sha256_hex
from fer.recognition.drawing import annotate, as_jpeg, as_png, plot_probabilities
from fer.recognition.recogniser import RecognisedPicture, Recogniser
from fer.recognition.uncertainty import name_expression

pd.options.display.width = 160  # shows a table of faces in one piece where there is no HTML


def report_picture(recogniser: Recogniser, name: str, content: bytes, results: Path) -> RecognisedPicture:
    """Show the annotated picture and the probabilities; save picture and table as results/<name>.png and .csv.

    name: printable; content: the bytes of a picture file. Raises UnreadablePictureError.
    """
    image = decode_image(content, name)
    table = recogniser.recognise(image, detect_thorough)
    annotated = annotate(image, table)
    source = sha256_hex(content)
    saved = picture_result_path(results, name, source)
    save_picture(annotated, table, saved, source)
    print(f"{name}: {pluralise(len(table), 'face')}")
    display(DisplayedImage(as_jpeg(annotated), format="jpeg"))
    bars = plot_probabilities(table, crop_faces(to_grey(image), table[["x", "y", "width", "height"]].to_numpy()))
    if bars:
        display(DisplayedImage(as_png(bars)))
    if table.empty:
        print(
            f"No face was found in {name}. The detector looks for upright faces seen from the front, at least 24 pixels"
            " wide when the picture's longer side is 800: try a closer, better lit or less turned view."
        )
    print(f"Saved {saved.with_suffix('.png')} and {saved.with_suffix('.csv')}.")
    return RecognisedPicture(name, image, table)


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


def format_faces(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the tables of several pictures, named by the keys, into one with probabilities as percentages."""
    joined = pd.concat(tables, names=["picture"]).reset_index("picture").set_index(["picture", "face"])
    named = [name_expression(face) for _, face in joined.iterrows()]
    shares = joined[["confidence", *classes_in(joined)]].apply(lambda column: column.map("{:.0%}".format))
    return pd.concat([joined.drop(columns=shares.columns).assign(expression=named), shares], axis=1)


def pluralise(number: int, noun: str) -> str:
    """Write a number with its noun: "no faces", "1 face", "40 faces"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
