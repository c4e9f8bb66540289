"""Hold labelled faces, count them and split them."""

import hashlib
from typing import NamedTuple

import numpy as np
import pandas as pd

from fer.expressions import EXPRESSIONS

VALIDATION_FRACTION = 1 / 8  # of pictures that come without a split for validation
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


def complete_splits(images: np.ndarray, splits: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Return the (N,) splits of (N, 48, 48) images, out of SPLITS; prints what was not given and is chosen here.

    splits: as given, (N,) str out of SPLITS, `test`, or empty where none is. groups: (N,) str, such as the person, or
    empty; no group comes to be both in training and in validation.
    """
    if "test" in splits:
        role = "PrivateTest" if "PublicTest" in splits else "PublicTest"
        print(f"The test split becomes {role}{', as none is for validation' * (role == 'PublicTest')}.")
        splits = np.where(splits == "test", role, splits)
    if (splits == "").any() and (splits != "").any():
        print(f"{(splits == '').sum():,} pictures are in no split; they are for training.")
    splits = np.where(splits == "", "Training", splits)
    if "PublicTest" in splits:
        return splits
    training = splits == "Training"
    chosen = choose_groups(groups[training])
    if chosen:
        is_validation = np.isin(groups, chosen)
        print(
            "No validation split is given. Folders with the same sub-folders are taken for people, who are not in two"
            f" splits: of {len(set(groups))}, {', '.join(chosen)} become it."
        )
    else:
        is_validation = choose_by_hash(images, VALIDATION_FRACTION, "validation")
        print("No validation split is given: one picture in eight is chosen for it.")
        names = ", ".join(sorted(set(groups) - {""}))
        if names:
            print(f"Folders with the same sub-folders ({names}) are taken for people or parts, not for classes.")
    return np.where(training & is_validation, "PublicTest", splits)


def choose_groups(groups: np.ndarray) -> list[str]:
    """Choose groups, given for each picture, with about an eighth of all pictures; none of fewer than three."""
    counts = pd.Series(groups).value_counts()
    if len(counts) < 3:  # one of two would be half of all
        return []
    by_hash = sorted(counts.index, key=lambda name: hashlib.sha256(name.encode()).digest())
    enough = np.searchsorted(counts[by_hash].cumsum(), VALIDATION_FRACTION * len(groups))
    return by_hash[: min(int(enough) + 1, len(counts) - 1)]


def split_held_out(faces: FaceDataset, fraction: float) -> tuple[FaceDataset, FaceDataset]:
    """Split off about a fraction (0–1) of the faces; return the others and these, the held-out split."""
    held_out = choose_by_hash(faces.images, fraction)
    return faces.select(~held_out), faces.select(held_out)
