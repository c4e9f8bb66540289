"""Training: augmentation, the stop callback, the best weights, going on after a break."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from fer.data.dataset import FaceDataset
from fer.data.fer2013 import read_fer2013
from fer.network.architectures import NETWORKS
from fer.training.augmentation import Augmentation, augment, evaluation_batches, mix, one_hot, training_batches
from fer.training.callbacks import StopAtAccuracy
from fer.training.checkpoints import run_folder
from fer.training.training import RECIPES, Recipe, lineage, train

SEED = 1


@pytest.fixture(scope="module")
def pictures(kaggle_zip: Path) -> FaceDataset:
    return read_fer2013(kaggle_zip)[0]


def afresh(build: Callable[[], keras.Model]) -> keras.Model:
    """Build with the same layer names and random weights each time."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(SEED)
    return build()


def tiny_network() -> keras.Model:
    return afresh(build_tiny)


def noisy_network() -> keras.Model:
    return afresh(build_noisy)


def build_tiny() -> keras.Model:
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.AveragePooling2D(6)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x), name="tiny")


def build_noisy() -> keras.Model:
    """Like `build_tiny`, with all that could make a resumed run another one: dropout, batch statistics."""
    inner = build_tiny()
    x = keras.layers.BatchNormalization()(inner.layers[-2].output)
    x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inner.input, keras.layers.Dense(5, activation="softmax")(x), name="noisy")


RECIPE = RECIPES["original"]._replace(
    epochs=6, batch_size=32, learning_rate=0.05, stop_accuracy=0.8, stop_val_accuracy=0.8
)

ENDLESS = RECIPE._replace(stop_accuracy=1.0)  # never stops by itself


def train_on_labels(
    network: keras.Model, recipe: Recipe, pictures: FaceDataset, folder: Path, seed: int
) -> pd.DataFrame:
    """Train on the labels of the made pictures, as they are."""
    training = pictures.split("Training")
    return train(network, recipe, training, one_hot(training.labels), pictures.split("PublicTest"), folder, seed)


def fit_with(callback: StopAtAccuracy, epochs: list[dict[str, float]]) -> int:
    """Drive a callback as `fit` does, with these figures; return how many epochs ran."""
    callback.set_model(tiny_network())
    callback.model.stop_training = False
    for epoch, logs in enumerate(epochs):
        callback.on_epoch_end(epoch, logs)
        if callback.model.stop_training:
            return epoch + 1
    return len(epochs)


def figures(accuracy: float, val_accuracy: float) -> dict[str, float]:
    return {"accuracy": accuracy, "val_accuracy": val_accuracy, "loss": 1.0, "val_loss": 1.0}


def test_stops_when_both_are_passed_and_says_why(capsys: pytest.CaptureFixture):
    epochs = [figures(0.70, 0.65), figures(0.90, 0.70), figures(0.74, 0.80), figures(0.76, 0.72), figures(0.9, 0.9)]
    assert fit_with(StopAtAccuracy(accuracy=0.75, val_accuracy=0.71), epochs) == 4
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert all(part in said for part in ("epoch 4", "76.0%", "75.0%", "72.0%", "71.0%"))


def test_defaults_are_the_project_s_thresholds():
    assert fit_with(StopAtAccuracy(), [figures(0.749, 0.99), figures(0.99, 0.709), figures(0.751, 0.711)]) == 3


def test_accuracy_alone_does_not_stop():
    assert fit_with(StopAtAccuracy(0.5, 0.9), [figures(1.0, 0.89)] * 3) == 3


def test_validation_accuracy_alone_does_not_stop():
    assert fit_with(StopAtAccuracy(0.9, 0.5), [figures(0.89, 1.0)] * 3) == 3


def test_missing_metric_is_said_once(capsys: pytest.CaptureFixture):
    assert fit_with(StopAtAccuracy(0.1, 0.1), [{"accuracy": 0.9}, {"accuracy": 0.9}, {}]) == 3
    assert capsys.readouterr().out.count("val_accuracy") == 1


def test_training_stops_by_itself_and_keeps_the_best(
    pictures: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture
):
    network = tiny_network()
    history = train_on_labels(network, RECIPE._replace(epochs=60, stop_accuracy=0.9), pictures, tmp_path, SEED)
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert len(history) < 60
    passed = (history["accuracy"] > 0.9) & (history["val_accuracy"] > 0.71)
    assert passed.tolist() == [False] * (len(history) - 1) + [True]
    assert "Stopped after epoch" in capsys.readouterr().out
    _, accuracy = network.evaluate(evaluation_batches(pictures.split("PublicTest")), verbose=0)
    assert accuracy == pytest.approx(history["val_accuracy"].max(), abs=1e-6)
    assert history["epoch"].tolist() == list(range(1, len(history) + 1))


def test_a_finished_run_is_read_back_not_repeated(pictures: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture):
    first, second = tiny_network(), tiny_network()
    history = train_on_labels(first, RECIPE, pictures, tmp_path, SEED)
    capsys.readouterr()
    again = train_on_labels(second, RECIPE, pictures, tmp_path, SEED)
    assert "finished" in capsys.readouterr().out
    pd.testing.assert_frame_equal(history, again)
    faces = pictures.images[..., None]
    np.testing.assert_array_equal(first.predict(faces, verbose=0), second.predict(faces, verbose=0))


def test_another_setting_is_another_run(pictures: FaceDataset, tmp_path: Path):
    training = pictures.split("Training")
    folder = run_folder(tmp_path, tiny_network(), RECIPE, training, SEED)
    assert run_folder(tmp_path, tiny_network(), RECIPE, training, SEED) == folder
    others = [
        run_folder(tmp_path, tiny_network(), RECIPE._replace(learning_rate=0.1), training, SEED),
        run_folder(tmp_path, tiny_network(), RECIPE, training.select(slice(1, None)), SEED),
        run_folder(tmp_path, tiny_network(), RECIPE, training, SEED + 1),
        run_folder(tmp_path, NETWORKS["modern"](), RECIPE, training, SEED),
    ]
    assert len({folder, *others}) == 5


def test_augmentation_without_reach_only_mirrors():
    images = np.random.default_rng(0).integers(0, 256, (64, 48, 48, 1), np.uint8)
    changed = augment(images, tf.constant([1, 2], tf.int64), Augmentation()).numpy()
    same = np.abs(changed - images).max(axis=(1, 2, 3)) < 0.01
    mirrored = np.abs(changed - images[:, :, ::-1]).max(axis=(1, 2, 3)) < 0.01
    assert (same ^ mirrored).all()
    assert 16 < same.sum() < 48


def test_augmentation_moves_no_further_than_its_reach():
    """A bright dot in the middle stays within the shift, and the turn about the centre leaves it there."""
    images = np.zeros((200, 48, 48, 1), np.uint8)
    images[:, 22:26, 22:26] = 255
    changed = augment(images, tf.constant([3, 4], tf.int64), Augmentation(shift=0.1, rotation=10.0, zoom=0.1)).numpy()
    where = np.arange(48)
    for axis in (1, 2):
        mass = changed.sum(axis=(3, 3 - axis))
        offset = (mass * where).sum(axis=1) / mass.sum(axis=1) - 23.5
        assert np.abs(offset).max() <= 4.8 * 1.1 + 0.3
        assert np.abs(offset).max() > 3.5


def test_sharp_pictures_are_moved_alike_but_keep_their_detail():
    seed, moving = tf.constant([3, 4], tf.int64), Augmentation(shift=0.1, rotation=10.0, zoom=0.1)
    rows, columns = np.mgrid[:48, :48]

    def waves(length: float) -> np.ndarray:
        one = 127 + 60 * np.sin(2 * np.pi * rows / length) + 60 * np.sin(2 * np.pi * columns / length)
        return np.tile(one[..., None].astype(np.uint8), (64, 1, 1, 1))

    coarse, fine = waves(40), waves(6)

    def moved(images: np.ndarray, sharp: float) -> np.ndarray:
        return augment(images, seed, moving._replace(sharp=sharp)).numpy()

    inside = np.s_[:, 8:-8, 8:-8]  # at the border, each is continued in its own way
    np.testing.assert_allclose(moved(coarse, 1.0)[inside], moved(coarse, 0.0)[inside], atol=3)
    sharp_lost, blurred_lost = (1 - moved(fine, sharp)[inside].std() / fine[inside].std() for sharp in (1.0, 0.0))
    assert sharp_lost < 0.6 * blurred_lost
    as_before = (moved(fine, 0.5) == moved(fine, 0.0)).all(axis=(1, 2, 3))
    assert 20 < as_before.sum() < 44


def test_pictures_are_changed_so_many_times_as_far_and_stay_sharp():
    reach = Augmentation(shift=0.1, rotation=10.0, zoom=0.2, brightness=0.1, contrast=0.3, erasing=0.2, sharp=0.5)
    assert reach.scaled(0.5) == pytest.approx((0.05, 5.0, 0.1, 0.05, 0.15, 0.1, 0.5))


def test_augmentation_relights_within_range():
    images = np.full((100, 48, 48, 1), 128, np.uint8)
    means = augment(images, tf.constant([5, 6], tf.int64), Augmentation(brightness=0.1)).numpy().mean(axis=(1, 2, 3))
    assert means.max() <= 128 + 25.6
    assert means.min() >= 128 - 25.6
    assert means.std() > 5
    white = augment(images + 127, tf.constant([5, 6], tf.int64), Augmentation(brightness=0.5)).numpy()
    assert white.max() <= 255


def test_erasing_covers_a_rectangle_in_its_share_of_the_pictures():
    images = np.random.default_rng(0).integers(0, 256, (400, 48, 48, 1), np.uint8)
    seed = tf.constant([7, 8], tf.int64)
    erased = augment(images, seed, Augmentation(erasing=0.3)).numpy() != augment(images, seed, Augmentation()).numpy()
    touched = erased.any(axis=(1, 2, 3))
    assert 0.15 < touched.mean() < 0.4
    heights, widths = (erased[touched].any(axis=(axis, 3)).sum(axis=1) for axis in (2, 1))
    assert max(heights.max(), widths.max()) <= 24
    assert np.median(heights) > 8
    covered = erased[touched].sum(axis=(1, 2, 3))
    assert (covered > 0.9 * heights * widths).all()  # whole rectangles, but for pixels that had the mean grey already


@pytest.mark.parametrize("recipe", [lineage(RECIPES["modern"])[0], RECIPES["modern"]], ids=["first", "last"])
def test_same_seed_gives_the_same_figures(recipe: Recipe, pictures: FaceDataset, tmp_path: Path):
    """Bit by bit, for the network and the first and the last recipe that the notebook uses."""
    recipe = recipe._replace(epochs=2, batch_size=16)

    def run(folder: str, seed: int) -> pd.DataFrame:
        keras.utils.clear_session()
        keras.utils.set_random_seed(seed)
        return train_on_labels(NETWORKS["modern"](), recipe, pictures, tmp_path / folder, seed)

    first = run("first", SEED)
    pd.testing.assert_frame_equal(first, run("again", SEED), check_exact=True)
    assert not first.equals(run("other", SEED + 1))


def test_a_mixed_picture_is_learnt_as_the_mixture_that_it_is():
    greys = np.arange(200, dtype=np.float32)  # a picture each; what is to be learnt tells which pictures are in it
    images, targets = np.ones((200, 8, 8, 1), np.float32) * greys[:, None, None, None], np.eye(200, dtype=np.float32)
    mixed, learnt = (values.numpy() for values in mix(images, targets, tf.constant([1, 2], tf.int64), 0.4))
    np.testing.assert_allclose(mixed, np.ones_like(images) * (learnt @ greys)[:, None, None, None], rtol=1e-4)
    np.testing.assert_allclose(learnt.sum(axis=1), 1, rtol=1e-5)
    assert (np.count_nonzero(learnt > 0.01, axis=1) <= 2).all()
    assert 0.75 < learnt.max(axis=1).mean() < 0.95  # one prevails, mostly
    assert (learnt.max(axis=1) < 0.7).any()


def batches_of(
    pictures: FaceDataset, reach: Augmentation, seed: int, epochs: range, mixing: float = 0.0
) -> tf.data.Dataset:
    return training_batches(pictures, one_hot(pictures.labels), 32, reach, mixing, seed, epochs)


def test_batches_are_mixed_only_where_the_recipe_says_so(pictures: FaceDataset):
    def surest(mixing: float) -> np.ndarray:
        batches = batches_of(pictures, Augmentation(), 1, range(1), mixing)
        return np.concatenate([labels for _, labels in batches]).max(axis=1)

    assert (surest(0.0) == 1).all()
    assert (surest(0.4) < 0.9).any()


def test_batches_are_the_same_for_the_same_seed(pictures: FaceDataset):
    reach = Augmentation(shift=0.1, rotation=10.0)

    def one_epoch(seed: int) -> np.ndarray:
        return np.concatenate([images for images, _ in batches_of(pictures, reach, seed, range(1))])

    np.testing.assert_array_equal(one_epoch(1), one_epoch(1))
    assert not np.array_equal(one_epoch(1), one_epoch(2))
    batches = batches_of(pictures, reach, 1, range(1))
    assert not np.array_equal(next(iter(batches))[0], next(iter(batches.skip(1)))[0])


def test_every_epoch_looks_different(pictures: FaceDataset):
    def epochs(numbers: range) -> np.ndarray:
        batches = batches_of(pictures, Augmentation(shift=0.1), 1, numbers)
        return np.stack([images for images, _ in batches]).reshape(len(numbers), -1)

    first, second, third = epochs(range(3))
    assert not np.array_equal(first, second)
    assert not np.array_equal(np.sort(first), np.sort(second))  # it is not the order alone that differs
    np.testing.assert_array_equal(epochs(range(2, 3))[0], third)


def test_labels_stay_with_their_pictures(pictures: FaceDataset):
    """The class of a made picture can be told from the height of its bright bar."""
    for images, labels in batches_of(pictures, Augmentation(), 1, range(1)):
        heights = images.numpy()[:, :, 6:42, 0].mean(axis=2)
        bars = np.stack([heights[:, 4 + 9 * label : 10 + 9 * label].mean(axis=1) for label in range(5)], axis=1)
        agree = bars.argmax(axis=1) == labels.numpy().argmax(axis=1)
        assert agree.sum() >= len(agree) - 1  # one picture is labelled wrongly on purpose
