"""Track faces from frame to frame: each keeps its number, and neither its box nor its probabilities flicker."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from fer.expressions import SIDE, classes_in
from fer.faces.cascades import ALT2, run_cascade
from fer.faces.detection import detect_fast, sort_by_area

MAX_SECONDS_MISSING = 1.5  # a face that is not detected for less keeps its number
SMALL_MOVE = 0.2  # of a box's side; one that moves less may not have moved at all
BOX_COLUMNS = ["x", "y", "width", "height"]


class Track(NamedTuple):
    """A face that is tracked."""

    face: int  # its number, from 1, never given twice; 0 until it has been seen in a second frame
    box: np.ndarray  # (4,) x, y, width, height in pixels
    probabilities: np.ndarray  # (classes,) smoothed over frames
    last_seen: float  # seconds
    rows: tuple[tuple, ...] = ()  # of a timeline that are new: seconds, box, the network's own probabilities


def track_faces(
    tracks: list[Track], table: pd.DataFrame, seconds: float, smoothing: int, new_numbers: Iterator[int]
) -> list[Track]:
    """Assign the faces of a new frame to the tracks so far; a track without a face is kept for a while.

    table: as from `Recogniser.recognise`. seconds: when the frame was taken. smoothing: frames over which the shown
    probabilities are averaged (exponentially: the newest counts 2 / (smoothing + 1)), 1 for not at all. new_numbers:
    the next one is that of a face when it is seen again: what is seen in a single frame may be none. Returns the tracks
    of the faces in the table's order, then those without one.
    """
    recent = [track for track in tracks if seconds - track.last_seen <= MAX_SECONDS_MISSING]
    boxes = table[BOX_COLUMNS].to_numpy(float)
    matches = match_boxes(np.array([track.box for track in recent]).reshape(-1, 4), boxes)
    weight = 2 / (smoothing + 1)
    found = []
    for row, (box, probabilities) in enumerate(zip(boxes, table[list(classes_in(table))].to_numpy(float), strict=True)):
        seen = (seconds, *box.astype(int).tolist(), *probabilities.tolist())
        if row in matches:
            track = recent[matches[row]]
            smoothed = weight * probabilities + (1 - weight) * track.probabilities
            rows = (seen,) if track.face else (*track.rows, seen)
            found.append(Track(track.face or next(new_numbers), box, smoothed, seconds, rows))
        else:
            found.append(Track(0, box, probabilities, seconds, (seen,)))
    return found + [track for index, track in enumerate(recent) if index not in matches.values()]


def steadied(detect: Callable[[np.ndarray], np.ndarray], former: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Let what a detector finds follow the (n, 4) boxes of the frame before: see `smooth_boxes`."""
    return lambda grey: smooth_boxes(former, detect(grey))


def smooth_boxes(former: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Let boxes that moved little follow slowly, and the others at once; (n, 4) int64 pixels each.

    A change by less than SMALL_MOVE of the side counts with that share of it: by a third of SMALL_MOVE, with a third.
    """
    smoothed = boxes.astype(float)
    for row, column in match_boxes(former, boxes).items():
        change = smoothed[row] - former[column]
        weight = min(1, np.abs(change).max() / (SMALL_MOVE * boxes[row, 2]))
        smoothed[row] = former[column] + weight * change
    return np.rint(smoothed).astype(np.int64)


def redetect_faces(grey: np.ndarray, former: np.ndarray) -> np.ndarray:
    """Detect the faces of the frame before again, each within half its side around its former box.

    That takes some 2 ms a face, a tenth of a search of the whole. The whole is searched where there was no face, or one
    has gone, or two have become one. Arguments and result: (n, 4) boxes as from `detect_faces`.
    """
    found = np.concatenate([np.empty((0, 4)), *(redetect_face(grey, box) for box in former)])
    distances = np.linalg.norm(box_centres(found)[:, None] - box_centres(found)[None], axis=2)
    has_duplicate = (np.triu(distances < found[:, 2] / 2, k=1)).any()
    if len(found) == 0 or len(found) < len(former) or has_duplicate:
        return detect_fast(grey)
    return sort_by_area(found)


def redetect_face(grey: np.ndarray, former: np.ndarray) -> np.ndarray:
    """Return the (1, 4) box of the largest face around a former box, or (0, 4) if there is none of about its size."""
    x, y, width, height = former
    left, top = max(0, x - width // 2), max(0, y - height // 2)
    region = grey[top : y + height + height // 2, left : x + width + width // 2]
    if region.size == 0:  # frames of another size than before
        return np.empty((0, 4))
    scale = SIDE / width
    region = cv2.resize(region, None, fx=scale, fy=scale)  # linear: averaging finds no more, and takes longer
    equalised = cv2.equalizeHist(region)
    found = run_cascade(ALT2, equalised, 1.2, round(0.7 * SIDE), round(1.45 * SIDE), min_neighbours=2)
    boxes = found[:, :4] / scale
    return (boxes + np.array((left, top, 0, 0)))[np.argsort(-boxes[:, 2], kind="stable")[:1]]


def match_boxes(former: np.ndarray, boxes: np.ndarray) -> dict[int, int]:
    """Match (m, 4) boxes with (n, 4) former ones, the nearest centres first: {index of the box: index of the former}.

    Centres further apart than the larger box is wide are not the same face.
    """
    distances = np.linalg.norm(box_centres(boxes)[:, None] - box_centres(former)[None], axis=2)
    limits = np.maximum(boxes[:, None, 2], former[None, :, 2])
    matches: dict[int, int] = {}
    for row, column in zip(*np.unravel_index(np.argsort(distances, axis=None), distances.shape), strict=True):
        is_near = distances[row, column] <= limits[row, column]
        if is_near and row not in matches and column not in matches.values():
            matches[int(row)] = int(column)
    return matches


def box_centres(boxes: np.ndarray) -> np.ndarray:
    """Return the (n, 2) centres of (n, 4) boxes."""
    return boxes[:, :2] + boxes[:, 2:] / 2
