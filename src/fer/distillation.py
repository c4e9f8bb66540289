"""Let a network learn from one that was trained before it (distillation)."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer.augmentation import Augmentation, augment, one_hot
from fer.checkpoints import run_folder
from fer.dataset import Pictures
from fer.progress import progress
from fer.training import Recipe, train

VIEWS = 8


def what_to_learn(
    build: Callable[[], keras.Model], recipe: Recipe, training: Pictures, validation: Pictures, runs: Path, seed: int
) -> np.ndarray:
    """Return the (N, 5) float32 targets of the training pictures, as the recipe says.

    Without a teacher they are the smoothed labels. With one, a network of the same kind is trained on these first, by
    the same recipe; the targets are then a mixture of the label and of what it thinks of the picture (Hinton et al.
    2015): about one label in five is disputed here, and a second opinion says which. Teacher and opinion are kept
    in `runs`.
    """
    if not recipe.teacher_epochs:
        return one_hot(training.labels, recipe.label_smoothing)
    recipe_of_teacher = recipe._replace(epochs=recipe.teacher_epochs, teacher_epochs=0)
    keras.utils.clear_session()  # so that layers have the same names each time, and a run is known again
    keras.utils.set_random_seed(seed + 1)  # another one than the student's
    teacher = build()
    folder = run_folder(runs, teacher, recipe_of_teacher, training, seed + 1)
    kept = folder / "opinion.npy"
    if not kept.exists():
        targets = one_hot(training.labels, recipe.label_smoothing)
        train(teacher, recipe_of_teacher, training, targets, validation, folder, seed + 1)
        unfinished = folder / "unfinished.npy"
        np.save(unfinished, opinion(teacher, training, recipe.augmentation, seed))
        unfinished.replace(kept)
    return recipe.trust * np.load(kept) + (1 - recipe.trust) * one_hot(training.labels)


def opinion(teacher: keras.Model, pictures: Pictures, reach: Augmentation, seed: int) -> np.ndarray:
    """Return what a network thinks of pictures, (N, 5) float32: the mean over eight views of each.

    A view is changed half as far as a training picture may be. The mean is surer than one answer, and less a memory of
    the very picture and its label.
    """
    return np.mean(answers_to_views(teacher, pictures, Augmentation(*(amount / 2 for amount in reach)), seed), axis=0)


def answers_to_views(network: keras.Model, pictures: Pictures, reach: Augmentation, seed: int) -> list[np.ndarray]:
    """Show a network all pictures eight times, each time changed at random; return its eight (N, 5) answers."""
    images = tf.data.Dataset.from_tensor_slices(pictures.images[..., None]).batch(256)

    def look(view: int) -> np.ndarray:
        numbered = images.enumerate(start=view * len(images))
        first = tf.constant(seed, tf.int64)
        changed = numbered.map(lambda number, batch: augment(batch, tf.stack([first, number]), reach))
        return network.predict(changed.prefetch(tf.data.AUTOTUNE), verbose=0)

    return [look(view) for view in progress(range(VIEWS), "Asking about changed pictures", unit="views")]
