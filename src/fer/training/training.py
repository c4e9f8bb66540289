"""Train by a recipe, stop when good enough, go on after a break."""

import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fer.data.dataset import FaceDataset
from fer.notebook.errors import UserError
from fer.training.augmentation import Augmentation, batches_an_epoch, evaluation_batches, training_batches
from fer.training.averaging import averaged_weights
from fer.training.callbacks import EpochProgress, StopAtAccuracy
from fer.training.checkpoints import (
    KeepWeights,
    alone_in,
    cut_history,
    epochs_in,
    put_dropout,
    read_history,
    save_weights,
)
from fer.training.hardware import short_numbers


class Recipe(NamedTuple):
    """How a network is trained, and from which accuracies on it is good enough to stop."""

    epochs: int
    batch_size: int
    optimizer: str  # "adam" or "sgd" (Nesterov, momentum 0.9)
    learning_rate: float  # the peak, after one epoch of warm-up; from there half a cosine down to zero (see averaging)
    weight_decay: float  # decoupled: each step shrinks the weights by this times the learning rate
    label_smoothing: float  # of a network without a teacher
    augmentation: Augmentation
    stop_accuracy: float
    stop_val_accuracy: float
    mixing: float = 0.0  # pictures are blended in shares from Beta(mixing, mixing), mostly near 0 or 1; 0: not at all
    hold_out_one_in: int = 0  # one in so many training pictures is kept back, to calibrate the network on
    averaging: float = 0.0  # share of the epochs, the last ones, whose weights are averaged; the learning rate stays
    teacher: "Recipe | None" = None  # of a network that is trained before; from its weights this one goes on
    trust: float = 0.0  # the teacher's share, 0–1, in what is learnt; the label has the rest


# For a network that is trained from scratch, on faces that are changed and blended.
FROM_SCRATCH = Recipe(
    epochs=28,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=5e-3,
    label_smoothing=0.0,
    augmentation=Augmentation(0.09, rotation=12.0, zoom=0.12, brightness=0.08, contrast=0.25, erasing=0.25, sharp=0.5),
    stop_accuracy=0.90,
    stop_val_accuracy=0.80,
    mixing=0.4,
    hold_out_one_in=20,
)
SECOND = FROM_SCRATCH._replace(epochs=36, teacher=FROM_SCRATCH, trust=0.7)
# This one stays near where it starts, and ends in the middle of the weights that it passes through.
THIRD = SECOND._replace(
    epochs=16,
    learning_rate=0.03,
    augmentation=FROM_SCRATCH.augmentation.scaled(0.5),
    mixing=0.0,
    averaging=1.0,
    teacher=SECOND,
)
FOURTH = SECOND._replace(epochs=56, teacher=THIRD)
FIFTH = THIRD._replace(averaging=0.5, teacher=FOURTH)


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
    "modern": FIFTH,
    # For a network that knows faces and gets a new last layer: small steps, so that it does not forget them.
    "fine-tune": Recipe(
        epochs=16,
        batch_size=32,
        optimizer="adam",
        learning_rate=3e-4,
        weight_decay=0.0,
        label_smoothing=0.1,
        augmentation=FROM_SCRATCH.augmentation,
        stop_accuracy=0.99,
        stop_val_accuracy=0.99,
        hold_out_one_in=10,
    ),
}


def lineage(recipe: Recipe) -> list[Recipe]:
    """Return the recipes of all networks that are trained for one, in order: the first learns from labels alone."""
    return [*(lineage(recipe.teacher) if recipe.teacher else []), recipe]


def for_devices(recipe: Recipe, replicas: int) -> Recipe:
    """Give each of several devices a batch of the recipe's size, and learn faster in proportion (Goyal et al. 2017)."""
    return recipe._replace(
        batch_size=recipe.batch_size * replicas,
        learning_rate=recipe.learning_rate * replicas,
        teacher=recipe.teacher and for_devices(recipe.teacher, replicas),
    )


def with_limits(recipe: Recipe, epochs: int, accuracy: float, val_accuracy: float) -> Recipe:
    """Set when each network of a lineage stops; 0 leaves what its recipe says."""
    return recipe._replace(
        epochs=epochs or recipe.epochs,
        stop_accuracy=accuracy or recipe.stop_accuracy,
        stop_val_accuracy=val_accuracy or recipe.stop_val_accuracy,
        teacher=recipe.teacher and with_limits(recipe.teacher, epochs, accuracy, val_accuracy),
    )


def compile_network(network: keras.Model, recipe: Recipe, steps_per_epoch: int) -> None:
    """Set loss, optimiser and schedule of the recipe."""
    # An optimiser that is made outside the network's strategy would take a step for each of its devices.
    with network.distribute_strategy.scope():
        rate = recipe.learning_rate
        if not recipe.averaging:
            rate = keras.optimizers.schedules.CosineDecay(
                initial_learning_rate=recipe.learning_rate / 100,
                warmup_target=recipe.learning_rate,
                warmup_steps=steps_per_epoch,
                decay_steps=max(1, (recipe.epochs - 1) * steps_per_epoch),
            )
        if recipe.optimizer == "adam":
            optimizer = keras.optimizers.Adam(rate, weight_decay=recipe.weight_decay or None)
        else:
            optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay)
            optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
        network.compile(
            optimizer=optimizer,
            loss="categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=has_one_gpu(network),  # on a CPU, XLA trains three times slower
        )
        network.optimizer.build(network.trainable_variables)  # where it computes with 16 bits, Keras has wrapped it


def has_one_gpu(network: keras.Model) -> bool:
    """Tell whether a network lies on a GPU, and on no other device."""
    return bool(tf.config.list_physical_devices("GPU")) and network.distribute_strategy.num_replicas_in_sync == 1


def train(
    network: keras.Model,
    recipe: Recipe,
    training: FaceDataset,
    targets: np.ndarray,
    validation: FaceDataset,
    folder: Path,
    seed: int,
) -> pd.DataFrame:
    """Train until the recipe ends or StopAtAccuracy stops it.

    The network is left with the weights of its best epoch or, with averaging, the mean of those after its last epochs.
    targets: (N, classes) float32, the probabilities to learn for the training pictures; accuracy is agreement with
    them. A run that was cut off goes on after its last whole epoch, a finished one is only read back. Returns the
    history: columns epoch (from 1), accuracy, loss, val_accuracy, val_loss. Raises UserError where the folder is in use
    or its disk refuses, where the memory does not suffice, and where no epoch came to a good end.
    """
    last, best, log, done = folder / "last.weights.h5", folder / "best.weights.h5", folder / "history.csv", 0
    steps = batches_an_epoch(training, recipe.batch_size)
    stop = StopAtAccuracy(recipe.stop_accuracy, recipe.stop_val_accuracy)
    batches = partial(training_batches, training, targets, recipe.batch_size)
    with alone_in(folder):
        compile_network(network, recipe, steps)
        if last.exists():
            network.load_weights(last)
            done = epochs_in(last)
        put_dropout(network, done * steps)
        so_far = cut_history(log, done)
        finished = done and (done == recipe.epochs or stop.has_passed(so_far.iloc[-1]))
        if finished:
            print(f"This run is finished. To train afresh, delete {folder} or change SEED.")
        else:
            if done:
                print(f"Going on after epoch {done}, as kept in {folder}.")
            best_so_far = so_far["val_accuracy"].max() if done else -1.0
            with short_numbers():
                network.fit(
                    batches(recipe.augmentation, recipe.mixing, seed, range(done, recipe.epochs)),
                    steps_per_epoch=steps,
                    initial_epoch=done,
                    epochs=recipe.epochs,
                    validation_data=evaluation_batches(validation),
                    verbose=0,
                    shuffle=False,  # the batches are shuffled already
                    callbacks=[
                        EpochProgress(),
                        stop,
                        keras.callbacks.CSVLogger(log, append=True),
                        KeepWeights(folder, recipe.averaging > 0, best_so_far),
                    ],
                )
        kept = sorted(folder.glob("epoch-*.weights.h5"))
        if kept and not (finished and best.exists()):
            kept = kept[-math.ceil(recipe.averaging * len(kept)) :]
            # As they are, for so they will be named: what changes pictures also blurs them.
            plain = batches(Augmentation(), 0.0, seed, range(recipe.epochs, recipe.epochs + 1))
            network.set_weights(averaged_weights(network, kept, plain, steps))
            save_weights(network, best, len(kept))
        if not best.exists():
            raise UserError(
                f"No epoch came to a good end, or {best.name} was deleted. Delete all of {folder} and train again; if"
                " that does not help, with a smaller learning rate."
            )
        network.load_weights(best)
    return read_history(log)
