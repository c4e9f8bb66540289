"""Networks of a few hundred parameters, drawn faces and recipes that train in seconds, for tests of the training."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from conftest import drawn_face

from fer.data.dataset import FaceDataset
from fer.network.architectures import convolve, make_mirror_equivariant
from fer.training.devices import Devices, in_dtype_policy
from fer.training.fit import train
from fer.training.recipes import Recipe

SEED = 1
CPU = Devices("CPU", 1, "float32", nullcontext)
RECIPE = Recipe(
    epochs=6,
    batch_size=32,
    optimizer="adam",
    learning_rate=0.05,
    weight_decay=0.0,
    augmentation={"shift": 0.04},
    stop_accuracy=1.0,  # which no accuracy is above: it never stops by itself
    stop_val_accuracy=1.0,
)


def drawn_faces(count: int, first: int = 0, split: str = "Training") -> FaceDataset:
    """Make faces whose classes are easy to tell apart; another first number makes others."""
    labels = np.arange(count) % 5
    images = np.stack([drawn_face(label, first + number) for number, label in enumerate(labels)])
    return FaceDataset(images, labels, np.full(count, split))


TRAINING, VALIDATION = drawn_faces(160), drawn_faces(63, first=500, split="PublicTest")
SYMMETRICAL = TRAINING._replace(
    images=TRAINING.images // 2 + TRAINING.images[:, :, ::-1] // 2
)  # mirror images of themselves


def build_tiny(classes: int = 5) -> keras.Model:
    """325 parameters, and nothing random in training."""
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Rescaling(1 / 255, dtype="float32")(inputs)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(6)(x))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax", dtype="float32")(x), name="tiny")


def build_noisy() -> keras.Model:
    """Like `build_tiny`, with batch normalisation and dropout."""
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs))
    x = keras.layers.BatchNormalization(momentum=0.9)(keras.layers.Flatten()(x))
    x = keras.layers.Dropout(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax", dtype="float32")(x), name="noisy")


def build_mirror_equivariant() -> keras.Model:
    """A small network whose channels are paired as those of `modern`."""
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.AveragePooling2D(6)(keras.layers.Rescaling(1 / 255, dtype="float32")(inputs))
    x = keras.layers.ReLU()(convolve(x, 4))
    x = keras.layers.Conv2D(16, 8, use_bias=False)(x)  # over the whole face, of which 8 × 8 means are left
    x = keras.layers.Flatten()(keras.layers.BatchNormalization()(x))
    network = keras.Model(inputs, keras.layers.Dense(5, activation="softmax", dtype="float32")(x), name="mirrored")
    make_mirror_equivariant(network)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.8  # so that it knows after a few steps what to expect
    return network


def afresh(build: Callable[[], keras.Model], seed: int = SEED, devices: Devices = CPU) -> keras.Model:
    """Build with the same layer names and random weights each time."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    with devices.scope():
        return in_dtype_policy(devices.dtype_policy, build)


def train_tiny(
    network: keras.Model,
    folder: Path,
    recipe: Recipe = RECIPE,
    devices: Devices = CPU,
    teachers: tuple[keras.Model, ...] = (),
    training: FaceDataset = TRAINING,
    seed: int = SEED,
) -> pd.DataFrame:
    """Train on the drawn faces."""
    return train(network, recipe, training, VALIDATION, folder, seed, devices, teachers)


def answers_of(network: keras.Model, faces: FaceDataset = VALIDATION) -> np.ndarray:
    """Return the network's probabilities, (N, classes)."""
    return network.predict(faces.images[..., None], verbose=0)
