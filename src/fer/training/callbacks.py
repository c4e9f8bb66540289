"""Watch a training: stop when accurate enough, keep each epoch, print a line for it."""

import math
import time
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from fer.notebook.errors import UserError, atomic_write


class StopAtAccuracy(keras.callbacks.Callback):
    """Stop after the first epoch with both accuracies above their thresholds."""

    def __init__(self, accuracy: float = 0.75, val_accuracy: float = 0.71) -> None:
        super().__init__()
        self.accuracy = accuracy
        self.val_accuracy = val_accuracy

    def is_reached(self, logs: Mapping[str, float]) -> bool:
        """Tell whether an epoch's accuracies (0–1) are above the thresholds."""
        is_accurate = logs["accuracy"] > self.accuracy
        return is_accurate and logs["val_accuracy"] > self.val_accuracy

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Compare the epoch's accuracies with the thresholds."""
        if self.is_reached(logs):
            self.model.stop_training = True
            print(
                f"Accuracy is above {self.accuracy:.1%} and validation accuracy"
                f" above {self.val_accuracy:.1%}: stopped after epoch {epoch + 1}."
            )


class EpochLog(keras.callbacks.Callback):
    """Print one line an epoch, with the minutes that the training will still take."""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock."""
        self.start, self.done = time.perf_counter(), 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Print the line."""
        self.done += 1
        seconds_each = (time.perf_counter() - self.start) / self.done
        minutes_left = seconds_each * (self.params["epochs"] - epoch - 1) / 60
        print(f"{epoch_line(epoch + 1, self.params['epochs'], logs)}  {minutes_left:4.0f} min left", flush=True)


def epoch_line(epoch: int, epochs: int, logs: Mapping[str, float]) -> str:
    """Put the figures of an epoch (from 1) into a line."""
    names = ("accuracy", "val_accuracy", "loss", "val_loss")
    figures = "  ".join(f"{name} {logs[name]:.4f}" for name in names if name in logs)
    return f"Epoch {epoch:3d}/{epochs}  {figures}"


def print_history(history: pd.DataFrame, epochs: int) -> None:
    """Print the lines of epochs that were trained before."""
    for row in history.to_dict("records"):
        print(epoch_line(row["epoch"], epochs, row))


class Checkpoint(keras.callbacks.Callback):
    """Keep weights, optimiser and history after each epoch, so that a training that was cut off goes on.

    A training that is killed leaves whole files only (Keras' BackupAndRestore writes in place). Raises UserError where
    a loss is not finite; that epoch is not kept. writes: False where another process keeps the same training.
    """

    def __init__(self, folder: Path, writes: bool = True) -> None:
        super().__init__()
        self.folder, self.writes = folder, writes
        self.rows: list[dict] = []

    def restore(self, model: "keras.Model") -> None:
        """Load what the last whole epoch left, if there was one."""
        self.rows = read_history(self.folder).to_dict("records")
        if self.rows:
            with np.load(kept_weights(self.folder)) as arrays:
                for variable, array in zip(trained_variables(model), arrays.values(), strict=True):
                    variable.assign(array)

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: epoch (from 1), accuracy, loss, val_accuracy, val_loss."""
        return pd.DataFrame(self.rows)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Write history.csv and epoch-0001.npz; the former epoch's goes."""
        if not all(map(math.isfinite, logs.values())):
            raise UserError(
                f"The loss of epoch {epoch + 1} is not finite. Run this cell again to go on"
                " from the epoch before it; if that does not help, change SEED."
            )
        self.rows.append({"epoch": epoch + 1, **logs})
        if not self.writes:
            return
        with atomic_write(self.folder / "history.csv") as path:
            self.history.to_csv(path, index=False)
        with atomic_write(self.folder / f"epoch-{epoch + 1:04d}.npz") as path:
            np.savez(path, *map(keras.ops.convert_to_numpy, trained_variables(self.model)))
        (self.folder / f"epoch-{epoch:04d}.npz").unlink(missing_ok=True)


def kept_weights(folder: Path) -> Path | None:
    """Return the file that Checkpoint wrote last, if there is one."""
    return max(folder.glob("epoch-*.npz"), default=None)


def read_history(folder: Path) -> pd.DataFrame:
    """Return the history of a training up to the epoch whose weights are kept; see `Checkpoint.history`."""
    kept = kept_weights(folder)
    return pd.read_csv(folder / "history.csv").head(int(kept.stem[-4:])) if kept else pd.DataFrame()


def trained_variables(model: "keras.Model") -> list[keras.Variable]:
    """List what a TrainingModel's training changes: its network and its optimiser."""
    # With float16, Keras wraps it in one that scales the loss; without the wrapper's variables, any device can go on.
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return [*model.network.variables, *optimizer.variables]
