"""Follow faces from frame to frame: each keeps its number, and its shown probabilities do not flicker."""

from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from fer.expressions import SIDE, classes_in
from fer.faces.cascades import ALT2, run_cascade
from fer.faces.detection import find_quickly, largest_first

FORGOTTEN_AFTER = 1.5  # seconds; a face that the detector misses for less keeps its number
BOX = ["x", "y", "width", "height"]


class Followed(NamedTuple):
    """A face that is being followed."""

    face: int  # its number, from 1, never given twice
    box: np.ndarray  # (4,) x, y, width, height in pixels
    probabilities: np.ndarray  # (classes,) smoothed over frames
    seen: float  # seconds; when it was last found


def follow(former: list[Followed], table: pd.DataFrame, seconds: float, smoothing: int, most: int) -> list[Followed]:
    """Join the faces of a new frame to those followed so far; what was not found is kept for a while.

    table: as from `Recogniser.recognise`. seconds: when the frame was taken. smoothing: frames over which the shown
    probabilities are averaged (exponentially: the newest counts 2 / (smoothing + 1)), 1 for not at all. most: the
    highest number given so far. Returns the faces of the frame in the table's order, then those that are missing.
    """
    remembered = [face for face in former if seconds - face.seen <= FORGOTTEN_AFTER]
    boxes = table[BOX].to_numpy(float)
    partners = nearest_pairs(np.array([face.box for face in remembered]).reshape(-1, 4), boxes)
    newest = 2 / (smoothing + 1)
    found = []
    answers = table[list(classes_in(table))].to_numpy(float)
    for row, (box, probabilities) in enumerate(zip(boxes, answers, strict=True)):
        if row in partners:
            known = remembered[partners[row]]
            shown = newest * probabilities + (1 - newest) * known.probabilities
            found.append(Followed(known.face, box, shown, seconds))
        else:
            most += 1
            found.append(Followed(most, box, probabilities, seconds))
    return found + [face for index, face in enumerate(remembered) if index not in partners.values()]


def find_faces_again(grey: np.ndarray, former: np.ndarray) -> np.ndarray:
    """Find the faces of the frame before again, each within half its side around its former box.

    That takes some 2 ms a face, a tenth of a search of the whole. The whole is searched where there was no face, or one
    has gone, or two have become one. Arguments and result: (n, 4) boxes as from `find_faces`.
    """
    found = np.concatenate([np.empty((0, 4)), *(find_near(grey, box) for box in former)])
    gaps = np.linalg.norm(centres(found)[:, None] - centres(found)[None], axis=2)
    one_twice = (np.triu(gaps < found[:, 2] / 2, k=1)).any()
    if len(found) == 0 or len(found) < len(former) or one_twice:
        return find_quickly(grey)
    return largest_first(found)


def find_near(grey: np.ndarray, former: np.ndarray) -> np.ndarray:
    """Return the (1, 4) box of the largest face around a former box, or (0, 4) if there is none of about its size."""
    x, y, width, height = former
    left, top = max(0, x - width // 2), max(0, y - height // 2)
    region = grey[top : y + height + height // 2, left : x + width + width // 2]
    if region.size == 0:  # frames of another size than before
        return np.empty((0, 4))
    scale = SIDE / width
    region = cv2.resize(region, None, fx=scale, fy=scale)  # linear: averaging finds no more, and takes longer
    seen = cv2.equalizeHist(region)
    boxes = run_cascade(ALT2, seen, 1.2, round(0.7 * SIDE), round(1.45 * SIDE), least=2)[:, :4] / scale
    return (boxes + np.array((left, top, 0, 0)))[np.argsort(-boxes[:, 2], kind="stable")[:1]]


def nearest_pairs(former: np.ndarray, boxes: np.ndarray) -> dict[int, int]:
    """Pair (n, 4) boxes with (m, 4) former ones, the nearest centres first: {index of the box: index of the former}.

    Centres further apart than the larger box is wide are not the same face.
    """
    gaps = np.linalg.norm(centres(boxes)[:, None] - centres(former)[None], axis=2)
    reach = np.maximum(boxes[:, None, 2], former[None, :, 2])
    pairs: dict[int, int] = {}
    for row, column in zip(*np.unravel_index(np.argsort(gaps, axis=None), gaps.shape), strict=True):
        if gaps[row, column] <= reach[row, column] and row not in pairs and column not in pairs.values():
            pairs[int(row)] = int(column)
    return pairs


def centres(boxes: np.ndarray) -> np.ndarray:
    """Return the (n, 2) centres of (n, 4) boxes."""
    return boxes[:, :2] + boxes[:, 2:] / 2
