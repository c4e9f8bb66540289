"""Train on one device and on two, in a process of its own: a backend divides the processor only before it starts.

`KERAS_BACKEND=tensorflow python on_devices.py FOLDER` writes the histories FOLDER/one.csv and two.csv of the same
training, of which the latter was cut off and went on; paired.csv of a network with paired channels on two devices, and
answers.npy: what it says to faces and to their mirror images.
"""

import sys
from pathlib import Path

import keras

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )

import numpy as np
from tiny import (
    CPU,
    RECIPE,
    SYMMETRICAL,
    VALIDATION,
    afresh,
    build_mirror_equivariant,
    build_tiny,
    train_tiny,
)

from fer.training import fit
from fer.training.devices import find_devices


class CutOff(keras.callbacks.Callback):
    """End a training at the start of its second epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 1:
            raise KeyboardInterrupt


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if keras.backend.backend() == "tensorflow":
        two = CPU._replace(count=2, scope=tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope)
    else:
        two = find_devices()
    assert two.count == 2, two
    # No change but mirroring, and all in one batch: both trainings see the very same.
    recipe = RECIPE._replace(augmentation={}, batch_size=len(SYMMETRICAL.labels))
    for name, devices in {"one": CPU, "two": two}.items():
        if devices is two:
            fit.EpochLog, epoch_log = CutOff, fit.EpochLog
            try:
                train_tiny(afresh(build_tiny, devices=two), target / name, recipe, two, training=SYMMETRICAL)
            except KeyboardInterrupt:
                fit.EpochLog = epoch_log
        network = afresh(build_tiny, devices=devices)
        history = train_tiny(network, target / name, recipe, devices, training=SYMMETRICAL)
        history.to_csv(target / f"{name}.csv", index=False)
    recipe = RECIPE._replace(epochs=4, optimizer="sgd", learning_rate=0.1, weight_decay=5e-3)
    network = afresh(build_mirror_equivariant, devices=two)
    train_tiny(network, target / "paired", recipe, two).to_csv(target / "paired.csv", index=False)
    faces = VALIDATION.images[..., None]
    np.save(target / "answers.npy", [network.predict(seen, verbose=0) for seen in (faces, faces[:, :, ::-1])])
