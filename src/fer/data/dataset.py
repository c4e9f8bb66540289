"""Hold labelled faces, count them and split them."""

import hashlib
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer.expressions import EXPRESSIONS

SPLITS = ("Training", "PublicTest", "PrivateTest")  # as FER-2013 names them; PublicTest serves for validation


class FaceDataset(NamedTuple):
    """N labelled grey faces; the arrays run in parallel.

    images: (N, 48, 48) uint8. labels: (N,) int64, indices into classes. splits: (N,) str, out of SPLITS. classes: the
    names of all classes.
    """

    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    classes: tuple[str, ...] = EXPRESSIONS

    def select(self, chosen: np.ndarray | slice) -> "FaceDataset":
        """Return the faces picked by a (N,) bool mask, by (M,) int positions or by a slice."""
        return FaceDataset(self.images[chosen], self.labels[chosen], self.splits[chosen], self.classes)

    def split(self, name: str) -> "FaceDataset":
        """Return the faces of one split."""
        return self.select(self.splits == name)


def class_counts(faces: FaceDataset) -> pd.DataFrame:
    """Count the faces: one row a split, one column a class, with totals."""
    names = np.array(faces.classes, dtype=object)[faces.labels]
    counts = pd.crosstab(faces.splits, names)
    rows, columns = [name for name in SPLITS if name in counts.index], list(faces.classes)
    counts = counts.reindex(index=rows, columns=columns, fill_value=0)
    counts.insert(len(columns), "total", counts.sum(axis=1), allow_duplicates=True)
    return counts.rename_axis(index="split", columns=None)


def choose_by_hash(images: np.ndarray, fraction: float, purpose: str = "") -> np.ndarray:
    """Choose about a fraction (0–1) of the (N, 48, 48) images by a hash of their pixels, as a (N,) bool mask.

    Equal images are chosen together, the same ones each time, and adding others changes nothing. purpose: another one
    chooses others.
    """
    hashes = (hashlib.sha256(purpose.encode() + image.tobytes()).digest() for image in images)
    one_in = round(1 / fraction) if fraction else 0
    return np.array([one_in > 0 and int.from_bytes(digest[:8]) % one_in == 0 for digest in hashes], bool)


def split_held_out(faces: FaceDataset, fraction: float) -> tuple[FaceDataset, FaceDataset]:
    """Split off about a fraction (0–1) of the faces; return the others and these, the held-out split."""
    held_out = choose_by_hash(faces.images, fraction)
    return faces.select(~held_out), faces.select(held_out)
