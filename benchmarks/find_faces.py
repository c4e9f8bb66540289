"""Judge how the notebooks search photos: how many faces they find, how many boxes are none, how long it takes.

    python benchmarks/find_faces.py            the part that settings were not chosen on
    python benchmarks/find_faces.py choose     the part that they were chosen on

Before: one run of the default cascade over the equalised picture, scale factor 1.1, 5 neighbours, as this project did
it until now. Writes results/find_faces.csv.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
from face_photos import Photo, compose, cut_close, load_photos, matches

from fer.faces.detection import detect_thorough

SEEDS = {"choose": 1, "report": 2}  # of the composites


def find_as_before(grey: np.ndarray) -> np.ndarray:
    """Return the (n, 4) boxes of a single plain search."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    boxes = cascade.detectMultiScale(cv2.equalizeHist(grey), scaleFactor=1.1, minNeighbors=5, minSize=(24, 24))
    return np.reshape(boxes, (-1, 4))


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


def main(part: str = "report") -> pd.DataFrame:
    """Judge both ways of finding faces on photos with people, photos without, composites, and faces cut out closely."""
    photos = load_photos(part)
    groups = {
        "photos of people": [photo for photo in photos if len(photo.faces)],
        "photos without faces": [photo for photo in photos if not len(photo.faces)],
        "composites": compose(photos, SEEDS[part]),
        "faces cut out closely": cut_close(photos),
    }
    ways = {"before": find_as_before, "now": detect_thorough}
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
