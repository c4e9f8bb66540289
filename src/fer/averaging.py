"""Average the weights that a training passes through (stochastic weight averaging, Izmailov et al. 2018)."""

from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer.progress import progress


def mean_weights(network: keras.Model, kept: Iterable[Path]) -> list[np.ndarray]:
    """Return the mean of the weights in these files, one or more; the network is left with those of the last."""
    mean = []
    for count, file in enumerate(kept, start=1):
        network.load_weights(file)
        weights = network.get_weights()
        mean = [sofar + (own - sofar) / count for sofar, own in zip(mean or weights, weights, strict=True)]
    return mean


def estimate_statistics(network: keras.Model, batches: tf.data.Dataset, count: int) -> None:
    """Measure anew what batch normalisation takes for the mean and variance of its inputs.

    Averaged weights give other inputs than any of the networks that they are the average of. batches: `count` of them,
    as `fit` takes them.
    """
    normalisations = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    usual = [layer.momentum for layer in normalisations]
    bar = progress(batches, "Measuring statistics", count, "batches")
    for number, (images, _) in enumerate(bar):
        for layer in normalisations:
            layer.momentum = number / (number + 1)  # the mean of all batches so far
        network(images, training=True)
    for layer, momentum in zip(normalisations, usual, strict=True):
        layer.momentum = momentum
