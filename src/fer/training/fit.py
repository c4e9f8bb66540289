"""Train a network by a recipe, or go on with a training that was cut off."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from fer.data.dataset import FaceDataset
from fer.notebook.errors import UserError, writable_folder
from fer.notebook.paths import sha256_hex
from fer.training.augmentation import Augmentation, MixupBatches
from fer.training.callbacks import Checkpoint, EpochLog, StopAtAccuracy, print_history, read_history
from fer.training.devices import Devices, in_dtype_policy
from fer.training.recipes import Recipe
from fer.training.training_model import TrainingModel


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Let the learning rate rise for an epoch, then fall to zero (half a cosine)."""
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        warmup_target=recipe.learning_rate,
        warmup_steps=steps_per_epoch,
        decay_steps=max(1, (recipe.epochs - 1) * steps_per_epoch),
    )
    if recipe.optimizer == "adam":
        return keras.optimizers.Adam(schedule)
    optimizer = keras.optimizers.SGD(
        schedule,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


def compile_model(
    network: keras.Model,
    recipe: Recipe,
    steps_per_epoch: int,
    devices: Devices,
    teachers: tuple[keras.Model, ...],
    seed: int,
) -> TrainingModel:
    """Put a network behind augmentation; set its loss and optimiser."""
    augmentation = Augmentation(**recipe.augmentation, seed=seed)
    model = TrainingModel(network, augmentation, teachers, recipe.distillation_weight)
    model.compile(
        make_optimizer(recipe, steps_per_epoch),
        loss="categorical_crossentropy",  # of the labels; MixupBatches weights it
        metrics=["accuracy"],
        jit_compile=devices.jit_compile,
    )
    model(np.zeros((1, 48, 48, 1), np.uint8))  # builds it
    model.optimizer.build(model.trainable_variables)
    return model


def train(
    network: keras.Model,
    recipe: Recipe,
    training: FaceDataset,
    validation: FaceDataset,
    folder: Path,
    seed: int,
    devices: Devices,
    teachers: tuple[keras.Model, ...] = (),
) -> pd.DataFrame:
    """Train until the recipe ends or StopAtAccuracy stops it; return the history.

    What is in the folder is gone on with after its last whole epoch, or read back.
    """
    batches = make_batches(training, recipe, devices, bool(teachers), seed)
    validation = repeat_to_fill(validation, devices.count)
    checkpoint = Checkpoint(folder, writes=devices.process == 0)
    with devices.scope(), locked(folder, devices.process):
        model = compile_model(network, recipe, len(batches), devices, teachers, seed)
        checkpoint.restore(model)
        print_history(checkpoint.history, recipe.epochs)
        if not is_finished(folder, recipe):
            stop = StopAtAccuracy(recipe.stop_accuracy, recipe.stop_val_accuracy)
            model.fit(
                batches,
                initial_epoch=len(checkpoint.rows),
                epochs=recipe.epochs,
                validation_data=(validation.images[..., None], one_hot(validation)),
                validation_batch_size=256 * devices.count,
                callbacks=[EpochLog(), stop, checkpoint],
                shuffle=False,  # MixupBatches does
                verbose=0,
            )
    return checkpoint.history


def train_teachers(
    count: int,
    build: Callable[[], keras.Model],
    recipe: Recipe,
    training: FaceDataset,
    validation: FaceDataset,
    runs: Path,
    seed: int,
    devices: Devices,
) -> tuple[keras.Model, ...]:
    """Train networks that differ in their seeds alone, seed + 1 to seed + count; build: returns an untrained one."""
    teachers = []
    for own_seed in range(seed + 1, seed + count + 1):
        print(f"Teacher {own_seed - seed} of {count}:")
        keras.utils.set_random_seed(own_seed)
        with devices.scope():
            teacher = in_dtype_policy(devices.dtype_policy, build)
        train(teacher, recipe, training, validation, run_folder(runs, recipe, training, own_seed), own_seed, devices)
        teachers.append(teacher)
    return tuple(teachers)


def run_folder(runs: Path, recipe: Recipe, training: FaceDataset, seed: int, start: str = "") -> Path:
    """Name the folder of a training after what decides its result, so that only the same one is gone on with."""
    data = sha256_hex(training.images.tobytes() + training.labels.tobytes())
    decides = json.dumps([recipe, data, seed, start])
    return runs / sha256_hex(decides.encode())[:8]


def is_finished(folder: Path, recipe: Recipe) -> bool:
    """Tell whether the training in a folder came to its end: all epochs, or accurate enough."""
    history = read_history(folder)
    stop = StopAtAccuracy(recipe.stop_accuracy, recipe.stop_val_accuracy)
    return len(history) > 0 and (len(history) == recipe.epochs or stop.is_reached(history.iloc[-1]))


@contextmanager
def locked(folder: Path, process: int = 0) -> Iterator[None]:
    """Make a training's folder and keep other notebooks out of it.

    process: of several that train together and share the folder, the number of this one.

    Raises UserError where one is in it, where its disk refuses, and where the memory does not suffice.
    """
    with writable_folder(folder):
        try:
            # The system lets go of it when the process dies.
            with FileLock(folder / f"lock{process or ''}", blocking=False):
                yield
        except Timeout:
            raise UserError(
                f"Another notebook is training this very network, in {folder}. Wait until it is done, or change SEED."
            ) from None
        except Exception as error:
            if "exhausted" not in f"{type(error).__name__} {error}".lower().replace("_", ""):
                raise
            raise UserError(
                "The memory does not suffice. Restart the runtime and run all cells again: the training goes on."
            ) from None


def make_batches(
    training: FaceDataset, recipe: Recipe, devices: Devices, has_teachers: bool, seed: int
) -> MixupBatches:
    """Batch the faces for a recipe; every device gets equally many, and every process the part of its devices."""
    size = min(recipe.batch_size, len(training.labels)) // devices.count * devices.count
    targets = one_hot(training, recipe.label_smoothing)
    label_weight = 1 - recipe.distillation_weight if has_teachers else 1
    share = size // devices.processes
    part = slice(devices.process * share, (devices.process + 1) * share)
    return MixupBatches(training.images, targets, size, recipe.mixup_alpha, label_weight, seed, part)


def repeat_to_fill(faces: FaceDataset, count: int) -> FaceDataset:
    """Repeat the first faces until they divide evenly among so many devices, as JAX wants it."""
    number = len(faces.labels)
    return faces.select(np.arange(math.ceil(number / count) * count) % number)


def one_hot(faces: FaceDataset, label_smoothing: float = 0.0) -> np.ndarray:
    """Return (N, classes) float32 probabilities: all on the label, but for `label_smoothing`, which all share."""
    certain = keras.utils.to_categorical(faces.labels, len(faces.classes))
    return (certain * (1 - label_smoothing) + label_smoothing / len(faces.classes)).astype(np.float32)
