"""Train by a recipe, stop when good enough, go on after a break."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fer.augmentation import Augmentation, batches_an_epoch, evaluation_batches, training_batches
from fer.dataset import Pictures
from fer.progress import progress


class Recipe(NamedTuple):
    """How a network is trained, and from which accuracies on it is good enough to stop."""

    epochs: int
    batch_size: int
    optimizer: str  # "adam" or "sgd" (Nesterov, momentum 0.9)
    learning_rate: float  # the peak, after one epoch of warm-up; from there half a cosine down to zero
    weight_decay: float  # decoupled: each step shrinks the weights by this times the learning rate
    label_smoothing: float  # of a network without a teacher
    augmentation: Augmentation
    stop_accuracy: float
    stop_val_accuracy: float
    hold_out_one_in: int = 0  # one in so many training pictures is kept back, to calibrate the network on
    teacher_epochs: int = 0  # so long is another network trained first, from which this one then learns; 0: no teacher
    trust: float = 0.0  # the teacher's share, 0–1, in what is learnt; the label has the rest


RECIPES = {
    "original": Recipe(
        epochs=16,
        batch_size=64,
        optimizer="adam",
        learning_rate=6e-4,
        weight_decay=0.0,
        label_smoothing=0.0,
        augmentation=Augmentation(shift=0.04),
        stop_accuracy=0.75,
        stop_val_accuracy=0.71,
    ),
    "modern": Recipe(
        epochs=44,
        batch_size=64,
        optimizer="sgd",
        learning_rate=0.05,
        weight_decay=5e-4,
        label_smoothing=0.1,
        augmentation=Augmentation(shift=0.09, rotation=12.0, zoom=0.12, brightness=0.08, contrast=0.25, erasing=0.25),
        stop_accuracy=0.90,
        stop_val_accuracy=0.80,
        hold_out_one_in=20,
        teacher_epochs=24,
        trust=0.7,
    ),
}


class StopAtAccuracy(keras.callbacks.Callback):
    """Stop at the end of the first epoch in which both accuracies are above their thresholds (shares, 0–1)."""

    def __init__(self, accuracy: float = 0.75, val_accuracy: float = 0.71) -> None:
        super().__init__()
        self.accuracy = accuracy
        self.val_accuracy = val_accuracy
        self.has_complained = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Compare the epoch's accuracies with the thresholds."""
        logs = logs or {}
        missing = [name for name in ("accuracy", "val_accuracy") if name not in logs]
        if missing:
            if not self.has_complained:
                print(f"StopAtAccuracy cannot stop this run: it does not measure {' and '.join(missing)}.")
            self.has_complained = True
            return
        if (
            logs["accuracy"] > self.accuracy
            and logs["val_accuracy"] > self.val_accuracy
        ):  # fmt: skip
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


class KeepWeights(keras.callbacks.Callback):
    """After each epoch keep the weights with the optimiser's state, and the best weights so far.

    Each file is written beside and then renamed: a run that is killed leaves whole files only.
    """

    def __init__(self, folder: Path, best_so_far: float) -> None:
        super().__init__()
        self.folder = folder
        self.best = best_so_far

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write last.weights.h5, and best.weights.h5 if the validation accuracy is the best so far."""
        unfinished = self.folder / "unfinished.weights.h5"
        if logs["val_accuracy"] > self.best:
            self.best = logs["val_accuracy"]
            self.model.save_weights(unfinished)
            unfinished.replace(self.folder / "best.weights.h5")
        self.model.save_weights(unfinished)
        unfinished.replace(self.folder / "last.weights.h5")


def compile_network(network: keras.Model, recipe: Recipe, steps_per_epoch: int) -> None:
    """Set loss, optimiser and schedule of the recipe."""
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        warmup_target=recipe.learning_rate,
        warmup_steps=steps_per_epoch,
        decay_steps=max(1, (recipe.epochs - 1) * steps_per_epoch),
    )
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(schedule, weight_decay=recipe.weight_decay or None)
    else:
        optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    network.compile(
        optimizer=optimizer,
        loss="categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=bool(tf.config.list_physical_devices("GPU")),  # on a CPU, XLA trains three times slower
    )
    optimizer.build(network.trainable_variables)


def run_folder(parent: Path, network: keras.Model, recipe: Recipe, training: Pictures, seed: int) -> Path:
    """Name the folder of this run after all that decides its result, so that only the same run is continued."""
    data = hashlib.sha256(training.images.tobytes() + training.labels.tobytes()).hexdigest()
    decides = json.dumps([network.to_json(), recipe, data, seed])
    return parent / f"{network.name}-{hashlib.sha256(decides.encode()).hexdigest()[:8]}"


def train(
    network: keras.Model,
    recipe: Recipe,
    training: Pictures,
    targets: np.ndarray,
    validation: Pictures,
    folder: Path,
    seed: int,
) -> pd.DataFrame:
    """Train until the recipe ends or StopAtAccuracy stops it; leave the network with its best weights.

    targets: (N, 5) float32, the probabilities to learn for the training pictures; accuracy is agreement with them.
    A run that was cut off goes on after its last whole epoch, a finished one is only read back. Returns the
    history: columns epoch (from 1), accuracy, loss, val_accuracy, val_loss.
    """
    steps = batches_an_epoch(training, recipe.batch_size)
    compile_network(network, recipe, steps)
    last, log, finished = folder / "last.weights.h5", folder / "history.csv", folder / "finished"
    folder.mkdir(parents=True, exist_ok=True)
    if finished.exists():
        print(f"This run is finished. To train afresh, delete {folder} or change SEED.")
    else:
        done = 0
        if last.exists():
            network.load_weights(last)
            done = int(network.optimizer.iterations) // steps
            print(f"Going on after epoch {done}, as kept in {folder}.")
            put_dropout_forward(network, done * steps)
        so_far = read_history(log).head(done)
        so_far.assign(epoch=so_far["epoch"] - 1).to_csv(log, index=False)  # without an epoch that was not kept
        network.fit(
            training_batches(
                training, targets, recipe.batch_size, recipe.augmentation, seed, range(done, recipe.epochs)
            ),
            steps_per_epoch=steps,
            initial_epoch=done,
            epochs=recipe.epochs,
            validation_data=evaluation_batches(validation),
            verbose=0,
            shuffle=False,  # the batches are shuffled already
            callbacks=[
                EpochProgress(),
                StopAtAccuracy(recipe.stop_accuracy, recipe.stop_val_accuracy),
                keras.callbacks.CSVLogger(log, append=True),
                KeepWeights(folder, best_so_far=so_far["val_accuracy"].max() if done else 0.0),
            ],
        )
        finished.touch()
    network.load_weights(folder / "best.weights.h5")
    return read_history(log)


def put_dropout_forward(network: keras.Model, steps: int) -> None:
    """Let dropout go on where it was after so many steps: it counts how often it was asked, and Keras forgets that."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            seed, asked = keras.ops.convert_to_numpy(layer.seed_generator.state)
            layer.seed_generator.state.assign([seed, asked + steps])


def read_history(log: Path) -> pd.DataFrame:
    """Read a CSVLogger's file; the epochs count from 1."""
    if not log.exists():
        return pd.DataFrame(columns=["epoch", "accuracy", "loss", "val_accuracy", "val_loss"])
    history = pd.read_csv(log)
    return history.assign(epoch=history["epoch"] + 1)
