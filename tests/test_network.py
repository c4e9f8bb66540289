"""The two networks keep their contract."""

import keras
import numpy as np
import pytest
from keras import layers

from fer.network import NETWORKS, build_modern, build_original


def test_original_is_the_seed_architecture():
    network = build_original()
    assert network.count_params() == 3_245_509
    shrinking = [layer for layer in network.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
    assert [layer.output.shape[1] for layer in shrinking] == [46, 44, 22, 20, 18, 9, 7, 4, 2]
    assert [layer.units for layer in network.layers if isinstance(layer, layers.Dense)] == [1024, 512, 128, 5]
    assert [layer.kernel_size for layer in network.layers if isinstance(layer, layers.Conv2D)][-1] == (4, 4)


@pytest.mark.parametrize("name", NETWORKS)
def test_input_output_and_standard_layers(name: str):
    network = NETWORKS[name]()
    assert network.input.shape == (None, 48, 48, 1)
    assert network.output.shape == (None, 5)
    assert not any(isinstance(layer, layers.Lambda) for layer in network.layers)
    probabilities = network.predict(np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)), verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_scaling_is_inside(name: str):
    """What reaches the first convolution lies in 0–1 when raw values 0–255 go in."""
    network = NETWORKS[name]()
    first = next(layer for layer in network.layers if isinstance(layer, layers.Conv2D))
    before = keras.Model(network.input, first.input)
    reached = before.predict(np.full((1, 48, 48, 1), 255.0), verbose=0)
    np.testing.assert_allclose(reached, 1.0, rtol=1e-5)


def test_modern_is_small():
    assert build_modern().count_params() < build_original().count_params() / 4
