"""Recognise and annotate the faces of one picture."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fer.faces.detection import crop_faces, detect_thorough
from fer.media.pictures import to_grey
from fer.recognition.drawing import annotate
from fer.recognition.recogniser import Recogniser, tabulate_faces


class RecognisedPicture(NamedTuple):
    """A picture and what was found in it."""

    name: str
    table: pd.DataFrame  # one row a face, as from `Recogniser.recognise`
    crops: np.ndarray  # (n, 48, 48) uint8, the faces as the network sees them
    annotated: np.ndarray  # (height, width, 3) uint8, with a box around each face


def recognise_picture(
    recogniser: Recogniser,
    image: np.ndarray,
    name: str = "picture",
) -> RecognisedPicture:
    """Find the faces in a photo, name the expression of each, and draw the answers.

    image: (height, width, 3) RGB or (height, width) grey, uint8, any size.
    """
    grey = to_grey(image)
    boxes = detect_thorough(grey)  # (n, 4): x, y, width, height in pixels
    probabilities = recogniser.classify_faces(grey, boxes)  # (n, classes)
    table = tabulate_faces(boxes, probabilities, recogniser.classes)
    crops = crop_faces(grey, boxes)  # (n, 48, 48), framed as the training pictures
    return RecognisedPicture(name, table, crops, annotate(image, table))
