"""Watch a training: stop when good enough, show how far it is."""

from collections.abc import Mapping

import keras

from fer.notebook.progress import progress


class StopAtAccuracy(keras.callbacks.Callback):
    """Stop at the end of the first epoch in which both accuracies are above their thresholds (shares, 0–1)."""

    def __init__(self, accuracy: float = 0.75, val_accuracy: float = 0.71) -> None:
        super().__init__()
        self.accuracy = accuracy
        self.val_accuracy = val_accuracy
        self.has_complained = False

    def has_passed(self, logs: Mapping[str, float]) -> bool:
        """Tell whether an epoch's accuracies are both above their thresholds."""
        return logs["accuracy"] > self.accuracy and logs["val_accuracy"] > self.val_accuracy

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare the epoch's accuracies with the thresholds."""
        logs = logs or {}
        missing = [name for name in ("accuracy", "val_accuracy") if name not in logs]
        if missing:
            if not self.has_complained:
                print(f"StopAtAccuracy cannot stop this run: it does not measure {' and '.join(missing)}.")
            self.has_complained = True
            return
        if self.has_passed(logs):
            self.model.stop_training = True
            print(
                f"Stopped after epoch {epoch + 1}: accuracy {logs['accuracy']:.1%} is above {self.accuracy:.1%}"
                f" and validation accuracy {logs['val_accuracy']:.1%} above {self.val_accuracy:.1%}."
            )


class EpochProgress(keras.callbacks.Callback):
    """Show a bar while an epoch runs, and one line of figures when it is done."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the bar."""
        self.bar = progress(None, f"Epoch {epoch + 1:2d}/{self.params['epochs']}", self.params["steps"], "batches")

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Move the bar."""
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Replace the bar by the figures."""
        seconds = self.bar.format_dict["elapsed"]
        self.bar.leave = False
        self.bar.close()
        figures = "  ".join(f"{name} {value:.4f}" for name, value in sorted((logs or {}).items()))
        print(f"Epoch {epoch + 1:2d}/{self.params['epochs']}  {seconds:4.0f} s  {figures}", flush=True)
