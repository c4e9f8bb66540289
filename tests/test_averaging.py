"""The weights after each epoch are averaged."""

from pathlib import Path

import keras
import numpy as np
import pytest
from test_training import ENDLESS, SEED, afresh, build_tiny, train_on_labels

import fer.training.training
from fer.data.dataset import FaceDataset
from fer.data.fer2013 import read_fer2013
from fer.network.architectures import build_modern
from fer.training.augmentation import Augmentation
from fer.training.training import RECIPES, Recipe, compile_network, lineage, with_limits

AVERAGED = ENDLESS._replace(epochs=4, averaging=1.0, augmentation=Augmentation())


def normalised_network() -> keras.Model:
    """What its batch normalisation gets depends on the weights before it."""
    return afresh(build_normalised)


def build_normalised() -> keras.Model:
    inner = build_tiny()
    x = keras.layers.Dense(8)(inner.layers[-2].output)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.2)(keras.layers.ReLU()(x))
    return keras.Model(inner.input, keras.layers.Dense(5, activation="softmax")(x), name="normalised")


@pytest.fixture(scope="module")
def pictures(kaggle_zip: Path) -> FaceDataset:
    return read_fer2013(kaggle_zip)[0]


@pytest.fixture(scope="module")
def after_each_epoch(pictures: FaceDataset, tmp_path_factory: pytest.TempPathFactory) -> list[keras.Model]:
    """Train separate networks for one, two and more epochs, as runs of their own."""
    folder = tmp_path_factory.mktemp("separate")

    def after(epochs: int) -> keras.Model:
        network = normalised_network()
        train_on_labels(network, AVERAGED._replace(epochs=epochs), pictures, folder / str(epochs), SEED)
        network.load_weights(folder / str(epochs) / "last.weights.h5")
        return network

    return [after(epochs) for epochs in range(1, AVERAGED.epochs + 1)]


@pytest.mark.parametrize(("share", "epochs"), [(1.0, 4), (0.5, 2), (0.3, 2), (0.01, 1)])
def test_the_network_has_the_mean_of_the_weights_after_the_last_epochs(
    share: float, epochs: int, after_each_epoch: list[keras.Model], pictures: FaceDataset, tmp_path: Path
):
    network = normalised_network()
    train_on_labels(network, AVERAGED._replace(averaging=share), pictures, tmp_path, SEED)
    trained = [one.trainable_weights for one in after_each_epoch[-epochs:]]
    for own, *parts in zip(network.trainable_weights, *trained, strict=True):
        assert epochs == 1 or not np.allclose(own, parts[-1], atol=1e-4)
        np.testing.assert_allclose(own, np.mean(parts, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("reach", "bound"),
    [(Augmentation(), {"atol": 0.02}), (Augmentation(brightness=0.3, contrast=0.9), {"rtol": 0.06})],
    ids=["same", "relit"],
)
def test_what_batch_normalisation_expects_is_measured_on_the_pictures(
    reach: Augmentation, bound: dict[str, float], pictures: FaceDataset, tmp_path: Path
):
    """Anew, on pictures as they are: what the epochs left is a moving mean on its way from 0, of changed pictures."""
    network = normalised_network()
    train_on_labels(network, AVERAGED._replace(augmentation=reach), pictures, tmp_path, SEED)
    (normalisation,) = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = keras.Model(network.input, normalisation.input)
    # Mirrored pictures have mirrored inputs: the mean over both.
    faces = pictures.split("Training").images[..., None]
    inputs = before.predict(np.concatenate([faces, faces[:, :, ::-1]]), verbose=0)
    np.testing.assert_allclose(normalisation.moving_mean, inputs.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(normalisation.moving_variance, inputs.var(axis=0), **bound)
    assert normalisation.momentum == 0.99  # as it was, for whoever trains it further


def test_what_batch_normalisation_expects_of_twins_is_alike(pictures: FaceDataset, tmp_path: Path):
    network = afresh(build_modern)
    train_on_labels(network, AVERAGED._replace(epochs=1), pictures, tmp_path, SEED)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for values in (layer.moving_mean, layer.moving_variance):
                first, twins = np.split(np.array(values), 2)
                np.testing.assert_allclose(twins, first, rtol=1e-3, atol=1e-4)
    faces = pictures.images[..., None]
    answers, mirrored = (network.predict(images, verbose=0) for images in (faces, faces[:, :, ::-1]))
    np.testing.assert_allclose(mirrored, answers, atol=1e-3)


def test_the_learning_rate_stays():
    def rates(averaging: float) -> list[float]:
        network = normalised_network()
        compile_network(network, AVERAGED._replace(averaging=averaging), steps_per_epoch=5)
        gradients = [keras.ops.zeros_like(weights) for weights in network.trainable_variables]
        return [network.optimizer.apply(gradients) or float(network.optimizer.learning_rate) for _ in range(20)]

    assert rates(averaging=0.5) == pytest.approx([AVERAGED.learning_rate] * 20)
    assert np.ptp(rates(averaging=0.0)) > AVERAGED.learning_rate / 2


def test_cut_off_before_the_mean_was_taken_it_is_taken_now(pictures: FaceDataset, tmp_path: Path):
    first, second = normalised_network(), normalised_network()
    train_on_labels(first, AVERAGED, pictures, tmp_path, SEED)
    (tmp_path / "best.weights.h5").unlink()
    train_on_labels(second, AVERAGED, pictures, tmp_path, SEED)
    for own, expected in zip(second.get_weights(), first.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_after_a_loss_that_ran_away_the_mean_is_that_of_all_good_epochs(pictures: FaceDataset, tmp_path: Path):
    """The weights break in the third epoch; run again, it comes to the end that it would have had."""

    def run(folder: str, recipe: Recipe = AVERAGED) -> list[np.ndarray]:
        network = normalised_network()
        train_on_labels(network, recipe, pictures, tmp_path / folder, SEED)
        return network.get_weights()

    class BreakAfterTwo(fer.training.training.EpochProgress):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            super().on_epoch_begin(epoch, logs)
            if epoch == 2:
                self.model.set_weights([weights * np.nan for weights in self.model.get_weights()])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fer.training.training, "EpochProgress", BreakAfterTwo)
        good = run("broken")
    for own, expected in zip(good[:2], run("two", AVERAGED._replace(epochs=2))[:2], strict=True):  # of the dense layer
        np.testing.assert_allclose(own, expected, atol=1e-6)
    for own, expected in zip(run("broken"), run("whole"), strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)


def test_a_lineage_is_in_order_and_its_limits_hold_for_all():
    recipe = RECIPES["modern"]
    assert [one.teacher for one in lineage(recipe)] == [None, *lineage(recipe)[:-1]]
    assert with_limits(recipe, 0, 0.0, 0.0) == recipe
    limited = lineage(with_limits(recipe, 3, 0.0, 0.6))
    assert {(one.epochs, one.stop_accuracy, one.stop_val_accuracy) for one in limited} == {
        (3, recipe.stop_accuracy, 0.6)
    }
