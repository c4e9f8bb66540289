"""Find faces with OpenCV's Haar cascade and cut them out as FER-2013 frames its faces."""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from fer.expressions import SIDE


class Search(NamedTuple):
    """How finely a picture is searched."""

    longest_side: int  # pixels; larger pictures are searched at this size, faster and with fewer false boxes
    smallest_face: int  # pixels of the searched picture; the cascade was trained on faces of 24


PHOTO = Search(longest_side=800, smallest_face=24)
LIVE = Search(longest_side=320, smallest_face=32)  # from a tenth of the picture's width; some six times faster
SCALE_FACTOR = 1.1
MIN_NEIGHBOURS = 5
# FER-2013 itself was framed by a face detector. Run on 3,000 of its pictures, the cascade's box has the centre of
# the picture (medians 0.503, 0.497) and 0.974 of its side: `python benchmarks/framing.py data/fer2013.csv`.
BOX_IN_CROP = 0.974


@cache
def face_cascade() -> cv2.CascadeClassifier:
    """Load the frontal-face cascade (Viola & Jones 2001, Lienhart & Maydt 2002) that comes with OpenCV."""
    path = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(path)
    if cascade.empty():  # OpenCV says nothing about a file that it cannot read
        raise RuntimeError(f"OpenCV {cv2.__version__} has no face cascade at {path}; opencv-python-headless 4.14 has.")
    return cascade


def find_faces(grey: np.ndarray, search: Search = PHOTO) -> np.ndarray:
    """Find the faces in a (height, width) uint8 picture.

    Returns (n, 4) int64 boxes, largest first: x and y of the top left corner, width, height, in pixels.
    """
    scale = min(1.0, search.longest_side / max(grey.shape))
    width, height = (max(1, round(side * scale)) for side in reversed(grey.shape))
    if min(width, height) < search.smallest_face:
        return np.empty((0, 4), np.int64)
    searched = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)  # AREA averages: no aliasing
    return largest_first(run_cascade(searched, search.smallest_face) / scale)


def run_cascade(searched: np.ndarray, smallest: int, largest: int | None = None) -> np.ndarray:
    """Return the (n, 4) boxes of faces with sides from `smallest` to `largest` pixels in a grey uint8 picture."""
    boxes = face_cascade().detectMultiScale(
        cv2.equalizeHist(searched),
        scaleFactor=SCALE_FACTOR,
        minNeighbors=MIN_NEIGHBOURS,
        minSize=(smallest, smallest),
        maxSize=(largest, largest) if largest else None,
    )
    return np.reshape(boxes, (-1, 4))


def largest_first(boxes: np.ndarray) -> np.ndarray:
    """Round (n, 4) boxes to int64 pixels and sort them by area."""
    boxes = np.rint(boxes).astype(np.int64)
    return boxes[np.argsort(-boxes[:, 2] * boxes[:, 3], kind="stable")]


def crop_faces(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Cut the boxes out of a (height, width) uint8 picture, framed as in FER-2013.

    boxes: (n, 4) as from `find_faces`. Returns (n, 48, 48) uint8; what lies beyond the picture's edge repeats it.
    """
    crops = np.empty((len(boxes), SIDE, SIDE), np.uint8)
    for crop, (x, y, width, height) in zip(crops, boxes, strict=True):
        side = max(1, round(width / BOX_IN_CROP))
        left, top = round(x + (width - side) / 2), round(y + (height - side) / 2)
        # `mode="clip"` repeats the edge without ever copying the whole picture.
        rows = np.take(grey, np.arange(top, top + side), axis=0, mode="clip")
        square = np.take(rows, np.arange(left, left + side), axis=1, mode="clip")
        shrinks = side > SIDE
        crop[:] = cv2.resize(square, crop.shape, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return crops
