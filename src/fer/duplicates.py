"""Pictures that FER-2013 holds more than once, and which of them must not be trained on."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from fer.dataset import Pictures


class Duplicates(NamedTuple):
    """Which pictures of Training are not fit for it; each an (N,) bool mask over all N pictures.

    leaked: the same pixels occur in a test split, so keeping them would flatter the test accuracy.
    disputed: the same pixels occur under two labels within Training, so at least one label is wrong.
    repeated: the same pixels came before in Training under the same label; harmless, only counted.
    """

    leaked: np.ndarray
    disputed: np.ndarray
    repeated: np.ndarray


def find_duplicates(pictures: Pictures) -> Duplicates:
    """Find the pictures of Training that occur again, pixel by pixel, anywhere in the data."""
    training = pictures.splits == "Training"
    keys = [image.tobytes() for image in pictures.images]
    tested = {key for key, trains in zip(keys, training, strict=True) if not trains}
    labels = defaultdict(set)
    for key, label, trains in zip(keys, pictures.labels, training, strict=True):
        if trains:
            labels[key].add(label)
    seen = set()
    repeated = np.array([trains and (key in seen or seen.add(key) is not None) for key, trains in zip(keys, training)])
    leaked = training & np.array([key in tested for key in keys])
    disputed = training & np.array([len(labels[key]) > 1 for key in keys])
    return Duplicates(leaked, disputed, repeated)
