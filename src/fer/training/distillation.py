"""Let a network learn from others that were trained before it (distillation)."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer.data.dataset import FaceDataset
from fer.notebook.errors import writable_folder
from fer.notebook.progress import progress
from fer.training.augmentation import Augmentation, augment, one_hot
from fer.training.checkpoints import run_folder
from fer.training.hardware import short_numbers
from fer.training.training import Recipe, lineage, train

VIEWS = 8


def what_to_learn(
    build: Callable[[], keras.Model],
    recipe: Recipe,
    training: FaceDataset,
    validation: FaceDataset,
    runs: Path,
    seed: int,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return what is to be learnt of each training picture, (N, classes) float32, and the weights to start from.

    Without a teacher these are the smoothed label and an empty list. With teachers, networks of the same kind are
    trained first. The first learns from the labels. Each later one, and the student, starts from the weights of the one
    before it and learns a mixture of the label and that one's opinion of the picture (Hinton et al. 2015; Furlanello et
    al. 2018, who start afresh each time). Many labels are doubtful here: where the teacher disagrees, the target lies
    between. Teachers and opinions are kept in `runs`.
    """
    recipes = lineage(recipe)
    labels = one_hot(training.labels, classes=len(training.classes))
    targets, weights = one_hot(training.labels, recipes[0].label_smoothing, len(training.classes)), []
    for number, (own, pupil) in enumerate(pairwise(recipes), start=1):
        own_seed = (seed - len(recipes) + number) % 2**32  # the seeds before the student's
        keras.utils.clear_session()  # so that layers have the same names each time, and a run is known again
        keras.utils.set_random_seed(own_seed)
        teacher = build()
        if weights:
            teacher.set_weights(weights)
        folder = run_folder(runs, teacher, own, training, own_seed)
        best, kept = folder / "best.weights.h5", folder / "opinion.npy"
        if not (best.exists() and kept.exists()):
            print(f"Teacher {number} of {len(recipes) - 1}:")
            train(teacher, own, training, targets, validation, folder, own_seed)
            with short_numbers():
                asked = opinion(teacher, training, recipes[0].augmentation, own_seed)
            with writable_folder(folder):
                unfinished = folder / "unfinished.npy"
                np.save(unfinished, asked)
                unfinished.replace(kept)
        teacher.load_weights(best)
        weights = teacher.get_weights()
        targets = pupil.trust * np.load(kept) + (1 - pupil.trust) * labels
    return targets, weights


def opinion(teacher: keras.Model, pictures: FaceDataset, reach: Augmentation, seed: int) -> np.ndarray:
    """Return what a network thinks of pictures, (N, classes) float32: the mean over eight views of each.

    A view is changed half as far as `reach` says. The mean is surer than one answer, and less a memory of the very
    picture and its label.
    """
    return np.mean(answers_to_views(teacher, pictures, reach.scaled(0.5), seed), axis=0)


def answers_to_views(network: keras.Model, pictures: FaceDataset, reach: Augmentation, seed: int) -> list[np.ndarray]:
    """Show a network all pictures eight times, each time changed at random; return its eight (N, classes) answers."""
    images = tf.data.Dataset.from_tensor_slices(pictures.images[..., None]).batch(256)

    def look(view: int) -> np.ndarray:
        numbered = images.enumerate(start=view * len(images))
        first = tf.constant(seed, tf.int64)
        changed = numbered.map(
            lambda number, batch: augment(batch, tf.stack([first, number]), reach), num_parallel_calls=tf.data.AUTOTUNE
        )
        return network.predict(changed.prefetch(tf.data.AUTOTUNE), verbose=0)

    return [look(view) for view in progress(range(VIEWS), "Asking about changed pictures", unit="views")]
