"""Find the faces that a dataset holds more than once, pixel by pixel."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset


class Duplicates(NamedTuple):
    """Which faces of Training are not fit for it; each an (N,) bool mask over all N faces.

    leaked: the same pixels occur in a test split, so keeping them would flatter the test accuracy.
    conflicting: the same pixels occur under two labels within Training, so at least one label is wrong.
    repeated: the same pixels came before in Training; harmless under the same label, and only counted.
    """

    leaked: np.ndarray
    conflicting: np.ndarray
    repeated: np.ndarray


def find_duplicates(faces: FaceDataset) -> Duplicates:
    """Find the faces of Training that occur again anywhere in the dataset."""
    training = faces.splits == "Training"
    leaked, conflicting, repeated = np.zeros((3, len(training)), bool)
    leaked[training] = find_leaked(faces.select(training), faces.select(~training))
    conflicting[training] = find_conflicting_labels(faces.select(training))
    repeated[training] = pixels_as_bytes(faces.select(training)).duplicated()
    return Duplicates(leaked, conflicting, repeated)


def find_conflicting_labels(faces: FaceDataset) -> np.ndarray:
    """Tell, as a (N,) bool mask, which faces occur under two labels."""
    labels = pd.Series(faces.labels)
    return (labels.groupby(pixels_as_bytes(faces)).transform("nunique") > 1).to_numpy()


def find_leaked(faces: FaceDataset, others: FaceDataset) -> np.ndarray:
    """Tell, as a (N,) bool mask, which faces occur in another split, too."""
    return pixels_as_bytes(faces).isin(pixels_as_bytes(others)).to_numpy()


def pixels_as_bytes(faces: FaceDataset) -> pd.Series:
    """Return the pixels of each face as one value that can be compared."""
    return pd.Series([image.tobytes() for image in faces.images], dtype=object)
