"""Run OpenCV's Haar cascades over a picture and count their votes."""

from functools import cache

import cv2
import numpy as np

# A cascade answers with many windows around each face. Their number is its vote: noise rarely gets more than a few.
ALT, ALT2 = "frontalface_alt", "frontalface_alt2"
PROFILE = "profileface"  # of faces turned to the left; votes for many a frontal face, too, and hardly ever for noise
EYE = "eye"  # of one eye, open
OVERLAP = 0.3  # intersection over union from which on two boxes are of one face
# The boxes of alt2 are this much smaller than those of the default cascade, with the same centre (medians over 245
# faces of benchmarks/faces.csv that both find). Crops are framed as the default cascade frames them.
SMALLER_BOXES = {ALT2: 0.972}


@cache
def face_cascade(name: str) -> cv2.CascadeClassifier:
    """Load a cascade (Viola & Jones 2001, Lienhart & Maydt 2002) that comes with OpenCV."""
    path = f"{cv2.data.haarcascades}haarcascade_{name}.xml"
    cascade = cv2.CascadeClassifier(path)
    if cascade.empty():  # OpenCV says nothing about a file that it cannot read
        raise RuntimeError(f"OpenCV {cv2.__version__} has no face cascade at {path}; opencv-python-headless 4.14 has.")
    return cascade


def run_cascade(
    name: str, grey: np.ndarray, scale_factor: float, smallest: int, largest: int | None = None, least: int = 1
) -> np.ndarray:
    """Search a grey uint8 picture for faces with sides from `smallest` to `largest` pixels.

    Returns (n, 5): x, y, width, height in pixels, and votes, of which there are more than `least`.
    """
    boxes, votes = face_cascade(name).detectMultiScale2(
        grey,
        scaleFactor=scale_factor,
        minNeighbors=least,
        minSize=(smallest, smallest),
        maxSize=(largest, largest) if largest else None,
    )
    found = np.column_stack([np.reshape(boxes, (-1, 4)), np.reshape(votes, -1)]).astype(float)
    growth = found[:, 2:4] * (1 / SMALLER_BOXES.get(name, 1) - 1)
    found[:, :2] -= growth / 2
    found[:, 2:4] += growth
    return found


def merge(searches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Join the boxes that several searches found of the same face, the one with most votes first.

    searches: (n, 5) each, as from `run_cascade`. Returns (m, 4) boxes, the means weighted by votes, and (m, searches)
    votes.
    """
    found = np.concatenate(searches)
    source = np.repeat(np.arange(len(searches)), [len(search) for search in searches])
    order = np.argsort(-found[:, 4], kind="stable")
    found, source = found[order], source[order]
    left = np.ones(len(found), bool)
    boxes, votes = [], []
    for index, box in enumerate(found):
        if left[index]:
            same = left & (overlaps(found[:, :4], box[:4]) > OVERLAP)
            left &= ~same
            boxes.append(np.average(found[same, :4], axis=0, weights=found[same, 4]))
            votes.append(np.bincount(source[same], found[same, 4], len(searches)))
    return np.reshape(boxes, (-1, 4)), np.reshape(votes, (-1, len(searches)))


def overlaps(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the (n,) intersections over union of (n, 4) boxes with one."""
    corner = np.maximum(boxes[:, :2], box[:2])
    sides = np.clip(np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:]) - corner, 0, None)
    shared = sides.prod(axis=1)
    return shared / (boxes[:, 2:].prod(axis=1) + box[2:].prod() - shared)
