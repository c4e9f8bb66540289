"""Watch a training: stop when good enough, keep each epoch, show how far it is."""

import math
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd


class StopAtAccuracy(keras.callbacks.Callback):
    """Stop after the first epoch in which both accuracies (shares, 0-1) are above their thresholds."""

    def __init__(self, accuracy: float = 0.75, val_accuracy: float = 0.71) -> None:
        super().__init__()
        self.accuracy = accuracy
        self.val_accuracy = val_accuracy

    def has_passed(self, logs: Mapping[str, float]) -> bool:
        """Tell whether an epoch's accuracies are both above their thresholds."""
        return logs["accuracy"] > self.accuracy and logs["val_accuracy"] > self.val_accuracy

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Compare the epoch's accuracies with the thresholds."""
        if self.has_passed(logs):
            self.model.stop_training = True
            print(
                f"Stopped after epoch {epoch + 1}: accuracy {logs['accuracy']:.1%} is above {self.accuracy:.1%}"
                f" and validation accuracy {logs['val_accuracy']:.1%} above {self.val_accuracy:.1%}."
            )


class Checkpoint(keras.callbacks.Callback):
    """Keep network, optimiser and history after each epoch, so that a run that was cut off goes on.

    Files are written beside and then renamed, so that a run that is killed leaves whole ones only. (Keras'
    BackupAndRestore writes in place.) A loss that is no number any more ends the run; its epoch is not kept.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def restore(self, trainee: keras.Model) -> pd.DataFrame:
        """Load what the last whole epoch left, if there was one; return the history up to it."""
        kept = sorted(self.folder.glob("epoch-*.npz"))
        epochs = int(kept[-1].stem.removeprefix("epoch-")) if kept else 0
        if epochs:
            with np.load(kept[-1]) as arrays:
                for variable, array in zip(self.variables(trainee), arrays.values(), strict=True):
                    variable.assign(array)
        self.history = read_history(self.folder).head(epochs).to_dict("records")
        return pd.DataFrame(self.history)

    @staticmethod
    def variables(trainee: keras.Model) -> list[keras.Variable]:
        """List what training changes."""
        return [*trainee.network.variables, *trainee.optimizer.variables]

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write history.csv and epoch-0001.npz; the former epoch's goes."""
        if not all(map(math.isfinite, logs.values())):
            self.model.stop_training = True
            print(f"The loss is no number any more (epoch {epoch + 1}): try a smaller learning rate.")
            return
        self.history.append({"epoch": epoch + 1, **logs})
        pd.DataFrame(self.history).to_csv(self.folder / "unfinished.csv", index=False)
        (self.folder / "unfinished.csv").replace(self.folder / "history.csv")
        former = list(self.folder.glob("epoch-*.npz"))
        np.savez(self.folder / "unfinished.npz", *map(keras.ops.convert_to_numpy, self.variables(self.model)))
        (self.folder / "unfinished.npz").replace(self.folder / f"epoch-{epoch + 1:04d}.npz")
        for file in former:
            file.unlink()


def read_history(folder: Path) -> pd.DataFrame:
    """Read a run's history: a row an epoch, with epoch (from 1), accuracy, loss, val_accuracy, val_loss."""
    file = folder / "history.csv"
    return pd.read_csv(file) if file.exists() else pd.DataFrame()
