"""Find the pictures that FER-2013 holds more than once."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from fer.data.dataset import FaceDataset


class Duplicates(NamedTuple):
    """Which pictures of Training are not fit for it; each an (N,) bool mask over all N pictures.

    leaked: the same pixels occur in a test split, so keeping them would flatter the test accuracy.
    conflicting: the same pixels occur under two labels within Training, so at least one label is wrong.
    repeated: the same pixels came before in Training; harmless under the same label, and only counted.
    """

    leaked: np.ndarray
    conflicting: np.ndarray
    repeated: np.ndarray


def find_conflicting_labels(pictures: FaceDataset) -> np.ndarray:
    """Tell, as a (N,) bool mask, which pictures occur under two labels, pixel by pixel."""
    keys, labels = [image.tobytes() for image in pictures.images], defaultdict(set)
    for key, label in zip(keys, pictures.labels, strict=True):
        labels[key].add(label)
    return np.array([len(labels[key]) > 1 for key in keys], bool)


def find_duplicates(pictures: FaceDataset) -> Duplicates:
    """Find the pictures of Training that occur again, pixel by pixel, anywhere in the data."""
    training = pictures.splits == "Training"
    keys = [image.tobytes() for image in pictures.images]
    tested = {key for key, trains in zip(keys, training, strict=True) if not trains}
    seen: set[bytes] = set()
    repeated = np.zeros(len(keys), bool)
    for position in np.flatnonzero(training):
        repeated[position] = keys[position] in seen
        seen.add(keys[position])
    leaked = training & np.array([key in tested for key in keys])
    conflicting = training.copy()
    conflicting[training] = find_conflicting_labels(pictures.select(training))
    return Duplicates(leaked, conflicting, repeated)


def find_leaked(pictures: FaceDataset, training: FaceDataset) -> np.ndarray:
    """Tell, as a (N,) bool mask, which pictures also occur in Training, pixel by pixel."""
    known = {image.tobytes() for image in training.images}
    return np.array([image.tobytes() in known for image in pictures.images], bool)
