"""The two networks keep their contract."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from fer.network.architectures import build_modern, build_original, multiply_adds

BUILDS = [build_original, build_modern]


def test_original_is_the_seed_architecture():
    network = build_original()
    assert network.count_params() == 3_245_509
    shrinking = [layer for layer in network.layers if isinstance(layer, layers.Conv2D | layers.MaxPooling2D)]
    assert [layer.output.shape[1] for layer in shrinking] == [46, 44, 22, 20, 18, 9, 7, 4, 2]
    assert [layer.units for layer in network.layers if isinstance(layer, layers.Dense)] == [1024, 512, 128, 5]
    assert [layer.kernel_size for layer in network.layers if isinstance(layer, layers.Conv2D)][-1] == (4, 4)


@pytest.mark.parametrize("build", BUILDS)
def test_input_output_and_standard_layers(build: Callable):
    network = build()
    assert network.input.shape == (None, 48, 48, 1)
    assert network.output.shape == (None, 5)
    assert not any(isinstance(layer, layers.Lambda) for layer in network.layers)
    probabilities = network.predict(np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)), verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("build", BUILDS)
def test_scaling_is_inside(build: Callable):
    """The first layer brings raw values 0–255 to 0–1."""
    network = build()
    scaled = keras.Model(network.input, network.get_layer("scale").output)
    reached = scaled.predict(np.full((1, 48, 48, 1), 255.0), verbose=0)
    np.testing.assert_allclose(reached, 1.0, rtol=1e-5)


def test_modern_does_not_care_for_the_light():
    """A dimmer, flatter picture of the same face gets the same answer; a flat one gets an answer at all."""
    keras.utils.set_random_seed(1)
    network = build_modern()
    face = np.random.default_rng(0).normal(128, 40, (1, 48, 48, 1)).clip(0, 255)
    bright, dim, flat = network.predict(np.concatenate([face, face / 2 + 10, 0 * face + 90]), verbose=0)
    np.testing.assert_allclose(bright, dim, atol=0.03)
    assert np.abs(bright - flat).max() > 0.03
    assert np.isfinite(flat).all()


def test_modern_gives_a_mirror_image_the_same_answer_also_when_it_has_learnt():
    """Also for an even number of classes, which could be paired, too, and must not."""
    classes = 4
    keras.utils.set_random_seed(1)
    network = build_modern(classes)
    random = np.random.default_rng(0)
    faces, labels = random.integers(0, 256, (32, 48, 48, 1)), np.eye(classes)[random.integers(0, classes, 32)]
    before = network.predict(faces, verbose=0)
    network.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy")
    # Both images in each batch, so that the statistics of batch normalisation, which no rule ties, are alike.
    network.fit(np.concatenate([faces, faces[:, :, ::-1]]), np.tile(labels, (2, 1)), 64, epochs=3, verbose=0)
    after = network.predict(faces, verbose=0)
    assert np.abs(after - before).max() > 0.1
    np.testing.assert_allclose(network.predict(faces[:, :, ::-1], verbose=0), after, atol=1e-4)
    assert np.abs(network.predict(faces[:, ::-1], verbose=0) - after).max() > 0.01  # upside down is another picture
    bias = np.array(network.layers[-1].bias)
    assert not np.allclose(bias, np.roll(bias, classes // 2), atol=1e-4)  # the classes are no twins


def test_multiply_adds_by_hand():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same")(inputs)  # 36 places × 9 × 2 × 4 = 2,592
    x = layers.Dense(5)(layers.Flatten()(layers.MaxPooling2D(2)(layers.ReLU()(x))))  # 36 × 5 = 180
    assert multiply_adds(keras.Model(inputs, x)) == 2592 + 180


def test_modern_is_small():
    assert build_modern().count_params() < build_original().count_params() / 1.9
    assert multiply_adds(build_modern()) < multiply_adds(build_original()) / 1.6


def test_a_teacher_is_twice_as_wide():
    """Four times as many multiplications, but for the first convolution, which sees one grey face."""
    network, wide = build_modern(), build_modern(width_factor=2)
    assert 3.8 < multiply_adds(wide) / multiply_adds(network) < 4
    assert wide.output.shape == (None, 5)
