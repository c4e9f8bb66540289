"""Run OpenCV's Haar cascades over a picture, and fuse what several runs detect."""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

# A cascade answers with many windows around each face. Their number is its votes: noise rarely gets more than a few.
ALT, ALT2 = "frontalface_alt", "frontalface_alt2"
IOU_THRESHOLD = 0.3  # intersection over union from which on two boxes are of one face
# The boxes of alt2 are this much smaller than those of the default cascade, with the same centre (medians over 245
# faces of benchmarks/faces.csv that both find). Crops are framed as the default cascade frames them.
RELATIVE_BOX_SIDE = {ALT2: 0.972}


@cache
def load_cascade(name: str) -> cv2.CascadeClassifier:
    """Load a cascade (Viola & Jones 2001, Lienhart & Maydt 2002) that comes with OpenCV."""
    path = cascade_path(name)
    cascade = cv2.CascadeClassifier(str(path))
    if cascade.empty():  # OpenCV says nothing about a file that it cannot read
        raise RuntimeError(f"OpenCV {cv2.__version__} has no face cascade at {path}; opencv-python-headless 4.14 has.")
    return cascade


def cascade_path(name: str) -> Path:
    """Return the path of a cascade that comes with OpenCV."""
    return Path(cv2.data.haarcascades) / f"haarcascade_{name}.xml"


def run_cascade(
    name: str,
    grey: np.ndarray,
    scale_factor: float,
    min_side: int,
    max_side: int | None = None,
    min_neighbours: int = 1,
) -> np.ndarray:
    """Detect faces with sides from `min_side` to `max_side` pixels in a grey uint8 picture.

    Returns (n, 5): x, y, width, height in pixels, and votes, of which there are more than `min_neighbours`. With 0,
    each window counts by itself, with one vote.
    """
    boxes, votes = load_cascade(name).detectMultiScale2(
        grey,
        scaleFactor=scale_factor,
        minNeighbors=min_neighbours,
        minSize=(min_side, min_side),
        maxSize=(max_side, max_side) if max_side else None,
    )
    found = np.column_stack([np.reshape(boxes, (-1, 4)), np.reshape(votes, -1)]).astype(float)
    growth = found[:, 2:4] * (1 / RELATIVE_BOX_SIDE.get(name, 1) - 1)
    found[:, :2] -= growth / 2
    found[:, 2:4] += growth
    return found


def fuse_boxes(runs: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Fuse the boxes that several runs detect of the same face (Solovyev et al. 2019), the one with most votes first.

    runs: (n, 5) each, as from `run_cascade`. Returns (m, 4) boxes, the means weighted by votes, and (m, runs) votes.
    """
    found = np.concatenate(runs)
    run_of = np.repeat(np.arange(len(runs)), [len(run) for run in runs])
    order = np.lexsort((*found[:, :4].T, -found[:, 4]))  # a cascade's threads answer in any order
    found, run_of = found[order], run_of[order]
    left = np.ones(len(found), bool)
    boxes, votes = [], []
    for index, box in enumerate(found):
        if left[index]:
            same = left & (intersection_over_union(found[:, :4], box[:4]) > IOU_THRESHOLD)
            left &= ~same
            boxes.append(np.average(found[same, :4], axis=0, weights=found[same, 4]))
            votes.append(np.bincount(run_of[same], found[same, 4], len(runs)))
    return np.reshape(boxes, (-1, 4)), np.reshape(votes, (-1, len(runs)))


def intersection_over_union(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return the (n,) intersections over union of (n, 4) boxes with one."""
    corner = np.maximum(boxes[:, :2], box[:2])
    sides = np.clip(np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:]) - corner, 0, None)
    intersections = sides.prod(axis=1)
    return intersections / (boxes[:, 2:].prod(axis=1) + box[2:].prod() - intersections)
