"""Keep a training run on disk, so that it goes on after a break as if there had been none."""

import hashlib
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import keras
import pandas as pd
import tensorflow as tf
from filelock import FileLock, Timeout

from fer.data.dataset import FaceDataset
from fer.notebook.errors import UserError, writable_folder


def run_folder(parent: Path, network: keras.Model, recipe: tuple, training: FaceDataset, seed: int) -> Path:
    """Name the folder of this run after all that decides its result, so that only the same run is continued."""
    data = hashlib.sha256(training.images.tobytes() + training.labels.tobytes()).hexdigest()
    decides = json.dumps([network.to_json(), recipe, data, seed])
    return parent / f"{network.name}-{hashlib.sha256(decides.encode()).hexdigest()[:8]}"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Make a run's folder and keep other notebooks out of it meanwhile.

    What its disk refuses, and what the memory does, becomes a UserError.
    """
    with writable_folder(folder):
        try:
            with FileLock(folder / "lock", blocking=False):  # the system lets go of it when the process dies
                yield
        except Timeout:
            raise UserError(
                f"Another notebook is training this very run, in {folder}. Wait until it is done, or change SEED."
            ) from None
        except tf.errors.ResourceExhaustedError:
            raise UserError(
                "The memory does not suffice. Restart the runtime, so that earlier work leaves it, and run all cells"
                " again: the training goes on."
            ) from None


class KeepWeights(keras.callbacks.Callback):
    """After each epoch keep the weights with the optimiser's state, and the best weights so far or those of each epoch.

    A loss that is no number any more ends the run; its epoch is not kept.
    """

    def __init__(self, folder: Path, each: bool, best_so_far: float) -> None:
        super().__init__()
        self.folder = folder
        self.each = each
        self.best = best_so_far

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write epoch-001.weights.h5, or best.weights.h5 if none was as good; then last.weights.h5."""
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs["val_loss"])):
            self.model.stop_training = True
            print(
                f"The loss is no number any more (epoch {epoch + 1}): the training has run away, and stops. A smaller"
                " learning rate helps. What was learnt before that is kept."
            )
            return
        if self.each:
            save_weights(self.model, self.folder / f"epoch-{epoch + 1:03d}.weights.h5", epoch + 1)
        elif logs["val_accuracy"] > self.best:
            self.best = logs["val_accuracy"]
            save_weights(self.model, self.folder / "best.weights.h5", epoch + 1)
        save_weights(self.model, self.folder / "last.weights.h5", epoch + 1)


def save_weights(network: keras.Model, file: Path, epochs: int) -> None:
    """Write the weights, with the number of epochs they are the work of, whole or not at all.

    They are written beside and then renamed: a run that is killed leaves whole files only.
    """
    unfinished = file.with_name("unfinished.weights.h5")
    network.save_weights(unfinished)
    with h5py.File(unfinished, "r+") as written:
        # The optimiser's count of steps does not tell: with 16 bits on a GPU it skips those whose numbers overflow.
        written.attrs["epochs"] = epochs
    unfinished.replace(file)


def epochs_in(weights: Path) -> int:
    """Return how many epochs were trained for the weights that KeepWeights wrote."""
    with h5py.File(weights) as file:
        return int(file.attrs["epochs"])


def read_history(log: Path) -> pd.DataFrame:
    """Read a CSVLogger's file, to the last digit; the epochs count from 1."""
    if not log.exists():
        return pd.DataFrame(columns=["epoch", "accuracy", "loss", "val_accuracy", "val_loss"])
    # As text: pandas 2 changes last digits unless told not to, and pandas 3 warns of being told. float() is exact.
    history = pd.read_csv(log, dtype=str).map(float)
    return history.assign(epoch=history["epoch"].astype(int) + 1)


def cut_history(log: Path, epochs: int) -> pd.DataFrame:
    """Leave only the first epochs in a CSVLogger's file (a later one was not kept), and return them."""
    kept = read_history(log).head(epochs)
    unfinished = log.with_name("unfinished.csv")
    kept.assign(epoch=kept["epoch"] - 1).to_csv(unfinished, index=False)
    unfinished.replace(log)
    return kept


def put_dropout(network: keras.Model, steps: int) -> None:
    """Put dropout where it is after so many steps: it counts how often it was asked, and Keras does not keep that."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            seed, _ = keras.ops.convert_to_numpy(layer.seed_generator.state)
            layer.seed_generator.state.assign([seed, steps])
