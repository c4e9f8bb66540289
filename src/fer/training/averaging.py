"""Average the weights that a training passes through (stochastic weight averaging, Izmailov et al. 2018)."""

from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer.notebook.progress import progress


def averaged_weights(
    network: keras.Model, kept: Iterable[Path], batches: tf.data.Dataset, count: int
) -> list[np.ndarray]:
    """Return the mean of the weights in these files, one or more, for a network that they fit.

    Inside an averaged network the values lie elsewhere than in those that it is the average of. So what batch
    normalisation takes for their mean and variance is measured anew, on `count` of these batches, each with its mirror
    images, so that it is alike in channels that are twins.
    """
    plain = keras.models.clone_model(network)  # on one device, wherever the network lies; it is left alone
    mean = []
    for number, file in enumerate(kept, start=1):
        plain.load_weights(file)
        weights = plain.get_weights()
        mean = [so_far + (own - so_far) / number for so_far, own in zip(mean or weights, weights, strict=True)]
    plain.set_weights(mean)
    normalisations = [layer for layer in plain.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for number, (images, _) in enumerate(progress(batches, "Measuring the mean", count, "batches")):
        for layer in normalisations:
            layer.momentum = number / (number + 1)  # the mean over all batches so far, each counting the same
        plain(tf.concat([images, images[:, :, ::-1]], axis=0), training=True)
    return plain.get_weights()
