"""Train a network by a recipe; go on after a break."""

from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from fer.training.augmentation import Augmentation, MixedBatches
from fer.training.callbacks import Checkpoint, StopAtAccuracy
from fer.training.distillation import Trainee


class Recipe(NamedTuple):
    """How a network is trained."""

    epochs: int
    batch_size: int = 128
    optimizer: str = "sgd"  # with Nesterov's momentum 0.9; or "adam"
    learning_rate: float = 0.1  # the peak, after one epoch of warm-up; from there half a cosine down to zero
    weight_decay: float = 5e-3  # each step shrinks the weights by this times the learning rate
    mixup_alpha: float = 0.0
    distillation_weight: float = 0.9
    augmentation: dict = {}  # arguments of Augmentation
    stop_accuracy: float = 0.95
    stop_val_accuracy: float = 0.85


def train(
    network: keras.Model,
    recipe: Recipe,
    faces: np.ndarray,
    targets: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    folder: Path,
    seed: int,
    teachers: tuple[keras.Model, ...] = (),
    extra: tuple = (),
) -> pd.DataFrame:
    """Train until the recipe ends or StopAtAccuracy stops it; return the history."""
    folder.mkdir(parents=True, exist_ok=True)
    batches = MixedBatches(faces, targets, recipe.batch_size, recipe.mixup_alpha, seed)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        warmup_target=recipe.learning_rate,
        warmup_steps=len(batches),
        decay_steps=max(1, (recipe.epochs - 1) * len(batches)),
    )
    if recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(schedule)
    else:
        optimizer = keras.optimizers.SGD(schedule, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    weight = recipe.distillation_weight if teachers else 0.0
    trainee = Trainee(network, Augmentation(**recipe.augmentation, seed=seed), teachers, weight)
    trainee(faces[:2])  # builds it
    trainee.compile(optimizer, "categorical_crossentropy", loss_weights=1 - weight, metrics=["accuracy"])
    trainee.optimizer.build(trainee.trainable_variables)
    checkpoint = Checkpoint(folder)
    history = checkpoint.restore(trainee)
    if len(history) < recipe.epochs:
        trainee.fit(
            batches,
            initial_epoch=len(history),
            epochs=recipe.epochs,
            validation_data=validation,
            validation_batch_size=len(validation[0]),
            verbose=2,
            callbacks=[StopAtAccuracy(recipe.stop_accuracy, recipe.stop_val_accuracy), checkpoint, *extra],
        )
    return pd.DataFrame(checkpoint.history)
