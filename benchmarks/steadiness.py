"""Judge how steady the answers are: what becomes of them when the box of a face moves by a pixel or two.

    python benchmarks/steadiness.py

Of 200 portraits (see face_photos.py), the box of each is moved by up to 2 pixels and scaled by up to 3 %, eight times.
Before: one crop of each face. Writes results/steadiness.csv.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
from face_photos import load_photos, matches

import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.faces.detection import detect_thorough
from fer.recognition import Recogniser

PORTRAITS, MOVES, MOST_PIXELS, MOST_ZOOM = 200, 8, 2, 0.03


def find_portraits(most: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return grey photos with the (4,) box of a face that counts and is found, one for each such face."""
    portraits: list[tuple[np.ndarray, np.ndarray]] = []
    for photo in (*load_photos("report"), *load_photos("choose")):
        if photo.counts.any() and len(portraits) < most:
            grey = np.asarray(photo.image)
            boxes = detect_thorough(grey)
            is_face = matches(boxes, photo.faces[photo.counts]).any(axis=1)
            portraits += [(grey, box) for box in boxes[is_face]]
    return portraits[:most]


def move_box(box: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move a (4,) box by whole pixels and scale it about its centre, to whole pixels, too."""
    side = round(box[2] * random.uniform(1 - MOST_ZOOM, 1 + MOST_ZOOM))
    corner = box[:2] + random.integers(-MOST_PIXELS, MOST_PIXELS + 1, 2) + (box[2] - side) // 2
    return np.array([*corner, side, side])


def judge(recogniser: Recogniser, portraits: list[tuple[np.ndarray, np.ndarray]], steady: bool) -> dict[str, float]:
    """Return the mean change of the top class's probability in points, and the share of answers that stay the same."""
    random = np.random.default_rng(0)
    changes, same = [], []
    for grey, box in portraits:
        boxes = [box, *(move_box(box, random) for _ in range(MOVES))]
        # One at a time: of many faces in one picture there are fewer views.
        answers = np.concatenate([recogniser.classify_faces(grey, one[None], steady) for one in boxes])
        top = answers[0].argmax()
        changes.append(np.abs(answers[1:, top] - answers[0, top]).mean())
        same.append((answers[1:].argmax(axis=1) == top).mean())
    return {"faces": len(portraits), "change_in_points": 100 * np.mean(changes), "same_label": np.mean(same)}


def main() -> pd.DataFrame:
    """Judge one crop a face, as before, and several."""
    portraits, recogniser = find_portraits(PORTRAITS), Recogniser.load(ROOT / "models")
    ways = {"before": False, "now": True}
    return pd.DataFrame([{"way": way, **judge(recogniser, portraits, steady)} for way, steady in ways.items()])


if __name__ == "__main__":
    table = main()
    print(table.round(4).to_string(index=False))
    table.round(4).to_csv(ROOT / "results" / "steadiness.csv", index=False)
