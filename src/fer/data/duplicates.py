"""Find the pictures that FER-2013 holds more than once."""

import hashlib
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from fer.data.fer2013 import Pictures


class Duplicates(NamedTuple):
    """Which pictures of Training are not fit for it; each an (N,) bool mask over all N pictures.

    leaked: the same pixels occur in a test split, so keeping them would flatter the test accuracy.
    disputed: the same pixels occur under two labels within Training, so at least one label is wrong.
    repeated: the same pixels came before in Training; harmless under the same label, and only counted.
    """

    leaked: np.ndarray
    disputed: np.ndarray
    repeated: np.ndarray


def under_two_labels(pictures: Pictures) -> np.ndarray:
    """Tell, as a (N,) bool mask, which pictures occur under two labels, pixel by pixel."""
    keys, labels = [image.tobytes() for image in pictures.images], defaultdict(set)
    for key, label in zip(keys, pictures.labels, strict=True):
        labels[key].add(label)
    return np.array([len(labels[key]) > 1 for key in keys], bool)


def find_duplicates(pictures: Pictures) -> Duplicates:
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
    disputed = training.copy()
    disputed[training] = under_two_labels(pictures.where(training))
    return Duplicates(leaked, disputed, repeated)


def seen_in_training(pictures: Pictures, training: Pictures) -> np.ndarray:
    """Tell, as a (N,) bool mask, which pictures also occur in Training, pixel by pixel."""
    known = {image.tobytes() for image in training.images}
    return np.array([image.tobytes() in known for image in pictures.images], bool)


def one_in(share: int, pictures: Pictures) -> np.ndarray:
    """Choose about one in `share` pictures (none for 0) by a hash of their pixels, as a (N,) bool mask.

    Equal pictures are chosen together, and the same ones each time.
    """
    hashes = (hashlib.sha256(image.tobytes()).digest() for image in pictures.images)
    return np.array([share > 0 and int.from_bytes(digest[:8]) % share == 0 for digest in hashes], bool)
