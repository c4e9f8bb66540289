"""Frame a face several times, each time a little differently, so that its answer does not hang on one pixel."""

import numpy as np

# The network's answer changes by some 4 points when a face is framed half a pixel of its crop further: pooling keeps
# every other place only. The mean over several views changes by 1 to 2, and is right a little more often. Chosen by
# `python benchmarks/steadiness.py` and on FER-2013's PublicTest: shares of the box's side.
VIEW_SHIFT, VIEW_ZOOM = 0.1, 0.15
MAX_VIEWS, MIN_VIEWS, CROPS_A_PICTURE = 48, 4, 96  # of each face; the more faces, the fewer views of each
# Multiples of these, without their whole parts, fill a cube evenly, however many they are (Roberts 2018, R3 sequence,
# https://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences/).
EVEN_STEPS = 1.2207440846 ** -np.arange(1, 4)


def view_boxes(boxes: np.ndarray) -> np.ndarray:
    """Return (n, views, 4) float boxes: views of each of (n, 4), shifted by up to 10 % and zoomed by up to 15 %."""
    views = min(MAX_VIEWS, max(MIN_VIEWS, CROPS_A_PICTURE // max(1, len(boxes))))
    changes = 2 * ((0.5 + np.arange(1, views + 1)[:, None] * EVEN_STEPS) % 1) - 1  # (views, 3), each from -1 to 1
    shifts, zooms = VIEW_SHIFT * changes[:, :2], 1 + VIEW_ZOOM * changes[:, 2:]
    corners, sides = boxes[:, None, :2], boxes[:, None, 2:]
    return np.concatenate([corners + sides * (shifts + (1 - zooms) / 2), sides * zooms], axis=2)
