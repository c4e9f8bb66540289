"""Show which parts of a face an answer hangs on.

Occlusion (Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901): a patch is blurred, and the answer asked for again.
"""

from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer.expressions import SIDE, classes_in
from fer.recognition.uncertainty import top_classes

PATCH_SIDE = 12  # pixels of the crop's 48: about a mouth or an eye with its brow
STRIDE = 3  # pixels from one patch to the next
BLUR_SIGMA = 8  # pixels; the standard deviation of the Gaussian that wipes a patch out without drawing new edges


def occlusion_maps(classify: Callable[[np.ndarray], np.ndarray], crop: np.ndarray) -> np.ndarray:
    """Return how much each probability falls, for each pixel, where patches over it are blurred.

    classify: as `Recogniser.classify`. crop: (48, 48) uint8. Returns (classes, 48, 48) float, from -1 (without this
    pixel the class would be certain) to 1 (without it, impossible): the mean over all patches that cover the pixel.
    """
    blurred = cv2.GaussianBlur(crop, (0, 0), BLUR_SIGMA)
    edges = np.arange(STRIDE - PATCH_SIDE, SIDE, STRIDE)
    covers = np.zeros((len(edges), SIDE), bool)  # the rows, or the columns, that each patch covers
    for cover, edge in zip(covers, edges, strict=True):
        cover[max(0, edge) : edge + PATCH_SIDE] = True
    patches = (covers[:, None, :, None] & covers[None, :, None, :]).reshape(-1, SIDE, SIDE)
    falls = classify(crop[None]) - classify(np.where(patches, blurred, crop))
    return np.tensordot(falls.T, patches, axes=1) / patches.sum(axis=0)


def plot_explanation(crop: np.ndarray, face: pd.Series, maps: np.ndarray) -> Figure:
    """Show a (48, 48) crop, and over it the maps of its most probable expression and of the runner-up.

    face: the face's row of `Recogniser.recognise`. maps: (classes, 48, 48) as from `occlusion_maps`.
    """
    figure = Figure(figsize=(8, 2.7), layout="constrained")
    whole, *others = figure.subplots(1, 3)
    names, classes = top_classes(face), classes_in(face)
    # One scale for both, so that they can be compared; never so fine that it shows mere noise.
    limit = max(0.05, *(np.abs(maps[classes.index(name)]).max() for name in names))
    for axes in (whole, *others):
        axes.imshow(crop, cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
    whole.set_title(f"face {face['face']}", fontsize=10)
    for axes, name in zip(others, names, strict=True):
        heat = axes.imshow(
            maps[classes.index(name)], cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.6, interpolation="bilinear"
        )
        axes.set_title(f"{name} {face[name]:.0%}", fontsize=10)
    bar = figure.colorbar(heat, ax=others, shrink=0.85)
    bar.set_ticks([-limit, 0, limit], labels=[f"−{100 * limit:.0f} against", "0", f"+{100 * limit:.0f} for"])
    return figure
