"""Measure how FER-2013 frames its faces: where does the Haar cascade's box lie in the 48×48 picture?

    python benchmarks/framing.py data/fer2013.csv

`crop_faces` in src/fer/faces/detection.py turns this round: from a box to the frame that FER-2013 would have had.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from fer.data.fer2013 import read_fer2013
from fer.expressions import SIDE
from fer.faces.detection import detect_faces

ENLARGED = 4
BORDER = SIDE // 2  # many FER-2013 faces touch the edge, where the cascade finds none


def box_in_frame(image: np.ndarray) -> tuple[float, float, float] | None:
    """Return the box's side and its centre's x and y, as shares of the frame's side, or None without a face."""
    padded = cv2.copyMakeBorder(image, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_REPLICATE)
    boxes = detect_faces(cv2.resize(padded, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC))
    if len(boxes) == 0:
        return None
    x, y, width, height = boxes[0] / ENLARGED
    return width / SIDE, (x + width / 2 - BORDER) / SIDE, (y + height / 2 - BORDER) / SIDE


def main(source: str, sample: int = 3000) -> None:
    """Print the quartiles over a sample of Training."""
    training = read_fer2013(Path(source))[0].split("Training")
    chosen = np.random.default_rng(0).choice(len(training.labels), min(sample, len(training.labels)), replace=False)
    found = [box for box in map(box_in_frame, training.images[chosen]) if box is not None]
    print(f"{len(found)} of {len(chosen)} faces found")
    for name, values in zip(("side", "centre x", "centre y"), np.array(found).T, strict=True):
        print(f"{name:9} quartiles {np.round(np.percentile(values, (25, 50, 75)), 3)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
