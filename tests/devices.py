"""Train on one device and on two, in a process of its own: TensorFlow can divide its processor only before it starts.

`python devices.py FOLDER` writes the histories FOLDER/one.csv, two.csv, whole.csv and resumed.csv (two devices), and
what averaged networks answer to pictures and to their mirror images: averaged-on-one.npy, averaged-on-two.npy and (of
`modern`, on two devices) twins.npy.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

import numpy as np  # noqa: E402
from conftest import drawn_face  # noqa: E402
from test_training import ENDLESS, SEED, afresh, build_noisy, build_tiny  # noqa: E402

from fer.data.dataset import FaceDataset  # noqa: E402
from fer.network.architectures import build_modern  # noqa: E402
from fer.training import hardware, training  # noqa: E402
from fer.training.augmentation import one_hot  # noqa: E402

LABELS = np.arange(200) % 5
IMAGES = np.stack([drawn_face(label, number) for number, label in enumerate(LABELS)])
FACES = FaceDataset(IMAGES, LABELS, np.full(200, "Training"))
TARGETS = one_hot(LABELS)
RECIPE = ENDLESS._replace(epochs=3)
hardware.has_short_units = lambda: False  # in 16 bits, two halves of a batch are rounded otherwise than the whole


def write_history(path: Path, strategy: tf.distribute.Strategy, build: Callable[[], keras.Model], folder: Path) -> None:
    network = afresh(lambda: hardware.build_on(hardware.Hardware(strategy, "float32", ()), build))
    network.set_weights(network.get_weights())  # as the notebook does
    training.train(network, RECIPE, FACES, TARGETS, FACES, folder, SEED).to_csv(path, index=False)


def write_answers(path: Path, strategy: tf.distribute.Strategy, build: Callable[[], keras.Model], folder: Path) -> None:
    network = afresh(lambda: hardware.build_on(hardware.Hardware(strategy, "float32", ()), build))
    training.train(network, RECIPE._replace(averaging=1.0), FACES, TARGETS, FACES, folder, SEED)
    np.save(path, [network.predict(images[..., None], verbose=0) for images in (IMAGES, IMAGES[:, :, ::-1])])


class CutOff(training.EpochProgress):
    """Cuts a training off at the start of its second epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 1:
            raise InterruptedError
        super().on_epoch_begin(epoch, logs)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    one, two = tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    write_history(target / "one.csv", one, build_tiny, target / "run-1")
    write_history(target / "two.csv", two, build_tiny, target / "run-2")
    write_history(target / "whole.csv", two, build_noisy, target / "run-3")
    progress, training.EpochProgress = training.EpochProgress, CutOff
    try:
        write_history(target / "never.csv", two, build_noisy, target / "run-4")
    except (InterruptedError, ValueError):
        training.EpochProgress = progress
    write_history(target / "resumed.csv", two, build_noisy, target / "run-4")
    write_answers(target / "averaged-on-one.npy", one, build_noisy, target / "run-5")
    write_answers(target / "averaged-on-two.npy", two, build_noisy, target / "run-6")
    write_answers(target / "twins.npy", two, build_modern, target / "run-7")
