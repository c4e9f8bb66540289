"""Recognise the faces of one picture, show the result, which parts of a face mattered, and save both."""

from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fer.faces.detection import MIN_FACE_SIDE
from fer.faces.pages import decode_page_with_face
from fer.notebook.errors import atomic_write, writable_folder, write_whole
from fer.notebook.paths import FINGERPRINT_KEY, result_path, sha256_hex
from fer.recognition.drawing import (
    as_jpeg,
    fits_beside_picture,
    plot_picture_and_probabilities,
    plot_probabilities,
    render_figure,
)
from fer.recognition.explanation import occlusion_maps, plot_explanation
from fer.recognition.picture import RecognisedPicture, recognise_picture
from fer.recognition.recogniser import Recogniser
from fer.reports.tables import pluralise, save_faces, small_faces_hint

NO_FACE_HINT = (
    f". No face was found: the detector looks for upright faces seen from the front, at least {MIN_FACE_SIDE} pixels"
    " wide. Try a closer, better lit or less turned view."
)


def report_picture(recogniser: Recogniser, name: str, content: bytes, results: Path) -> tuple[Path, RecognisedPicture]:
    """Show the annotated picture and the probabilities; save picture and table as results/<name>.png and .csv.

    name: printable; content: the bytes of a picture file. Returns where they are saved, without ending, and the
    picture. Raises UnreadablePictureError.
    """
    image, note = decode_page_with_face(content, name)
    if note:
        print(note)
    picture = recognise_picture(recogniser, image, name)
    fingerprint = sha256_hex(content)
    saved = result_path(results, name, fingerprint)
    save_picture(picture.annotated, picture.table, saved, fingerprint)
    hint = NO_FACE_HINT if picture.table.empty else small_faces_hint(picture.table)
    print(f"{name}: {pluralise(len(picture.table), 'face')}, saved as {saved}.png and .csv{hint}")
    show_picture(picture)
    return saved, picture


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


def save_picture(annotated: np.ndarray, table: pd.DataFrame, saved: Path, fingerprint: str = "") -> None:
    """Write an annotated (height, width, 3) picture and the table of its faces as <saved>.png and .csv.

    fingerprint: the SHA-256 of the picture file, which the PNG keeps for `result_path`.
    """
    about = PngInfo()
    about.add_text(FINGERPRINT_KEY, fingerprint)
    with writable_folder(saved.parent):
        # Level 1 takes a third of the default's time (seconds for a photo of 12 megapixels) and a sixth more space.
        with atomic_write(saved.with_suffix(".png")) as path:
            Image.fromarray(annotated).save(path, pnginfo=about, compress_level=1)
        save_faces(table, saved.with_suffix(".csv"))


def report_explanation(recogniser: Recogniser, picture: RecognisedPicture, number: int, saved: Path) -> None:
    """Show which parts of the face of that number mattered, and save it as <saved>.why-<number>.png.

    The dot keeps it apart from the result of any other picture: `safe_stem` leaves none. Where there is no such face,
    that is said.
    """
    if not 1 <= number <= len(picture.table):
        print(f"There is no face {number} in {picture.name} (faces found: {len(picture.table)}).")
        return
    face, crop = picture.table.iloc[number - 1], picture.crops[number - 1]
    figure = render_figure(plot_explanation(crop, face, occlusion_maps(recogniser.classify, crop)))
    path = saved.with_name(f"{saved.name}.why-{number}.png")
    with writable_folder(path.parent):
        write_whole(path, figure)
    print(f"{picture.name}, face {number}: saved as {path}")
    display(DisplayedImage(figure))
