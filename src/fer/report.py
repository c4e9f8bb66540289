"""Recognise the faces of one picture, show the result and save it."""

from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display
from PIL import Image

from fer.drawing import annotate, as_jpeg, as_png, plot_probabilities
from fer.expressions import EXPRESSIONS
from fer.faces import crop_faces
from fer.pictures import decode_upload, to_grey
from fer.recognition import Recogniser
from fer.uploads import safe_stem

pd.options.display.width = 160  # shows a table of faces in one piece where there is no HTML


def report_picture(recogniser: Recogniser, name: str, content: bytes, results: Path) -> pd.DataFrame:
    """Show the annotated picture and the probabilities; save picture and table as results/<name>.png and .csv.

    content: the bytes of a picture file. Returns the table of `Recogniser.recognise`; raises UnreadablePictureError.
    """
    image = decode_upload(content, name)
    table = recogniser.recognise(image)
    annotated = annotate(image, table)
    saved = results / safe_stem(name)
    save_picture(annotated, table, saved)
    print(f"{name}: {len(table) or 'no'} face{'' if len(table) == 1 else 's'}")
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
    return table


def save_picture(annotated: np.ndarray, table: pd.DataFrame, saved: Path) -> None:
    """Write an annotated (height, width, 3) picture and the table of its faces as <saved>.png and .csv."""
    saved.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(annotated).save(saved.with_suffix(".png"))
    table.to_csv(saved.with_suffix(".csv"), index=False, float_format="%.4f")


def readable(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the tables of several pictures, named by the keys, into one with probabilities as percentages."""
    joined = pd.concat(tables, names=["picture"]).reset_index("picture").set_index(["picture", "face"])
    shares = ["confidence", *EXPRESSIONS]
    return joined.assign(**{name: joined[name].map("{:.0%}".format) for name in shares})
