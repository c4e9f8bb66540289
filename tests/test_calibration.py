"""Calibration and robustness: what a reader of the tables would take them to say."""

import keras
import numpy as np
import pytest
from keras import layers

from fer.data.dataset import FaceDataset
from fer.evaluation.calibration import (
    apply_temperature,
    apply_temperature_to_network,
    expected_calibration_error,
    fit_temperature,
    reliability_table,
    risk_coverage_table,
)
from fer.evaluation.robustness import CORRUPTIONS, robustness_table


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def calibrated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits, and labels drawn from the very probabilities that they give: calibrated by construction."""
    chooser = np.random.default_rng(1)
    logits = chooser.normal(scale=2.0, size=(40_000, 5))
    labels = (softmax(logits).cumsum(axis=1) > chooser.random((40_000, 1))).argmax(axis=1)
    return logits, softmax(logits), labels


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_that_was_put_in_is_found(calibrated: tuple, temperature: float):
    logits, _, labels = calibrated
    assert fit_temperature(softmax(logits * temperature), labels) == pytest.approx(temperature, rel=0.03)


def test_temper_takes_an_overconfident_network_back(calibrated: tuple):
    logits, probabilities, _ = calibrated
    np.testing.assert_allclose(apply_temperature(softmax(logits * 2), 2), probabilities, atol=1e-6)


def test_calibrated_answers_have_no_calibration_error(calibrated: tuple):
    logits, probabilities, labels = calibrated
    assert expected_calibration_error(reliability_table(probabilities, labels)) < 0.01
    assert expected_calibration_error(reliability_table(softmax(logits * 3), labels)) > 0.1


def test_calibration_error_by_hand():
    """Two bins: three answers 90 % sure of which one is right, one answer 50 % sure and right."""
    sure, unsure = [0.9, 0.1, 0, 0, 0], [0.5, 0.3, 0.2, 0, 0]
    table = reliability_table(np.array([sure, sure, sure, unsure]), np.array([0, 1, 1, 0]))
    assert table["answers"].tolist() == [1, 3]
    assert table["accuracy"].tolist() == pytest.approx([1, 1 / 3])
    assert (table["low"] < table["confidence"]).all()
    assert (table["confidence"] <= table["high"]).all()
    assert expected_calibration_error(table) == pytest.approx((0.5 + 3 * (0.9 - 1 / 3)) / 4)


def test_every_answer_is_in_the_reliability_table():
    certain = np.eye(5)
    assert reliability_table(certain, np.arange(5))["answers"].tolist() == [5]


def test_coverage_keeps_the_surest_answers():
    confidence = np.linspace(0.99, 0.55, 10)
    probabilities = np.column_stack([confidence, 1 - confidence, *np.zeros((3, 10))])
    labels = np.array([0] * 8 + [2] * 2)  # the two answers that are least sure are wrong
    table = risk_coverage_table(probabilities[::-1], labels[::-1]).set_index("coverage")
    assert table.loc[1.0, "accuracy"] == pytest.approx(0.8)
    assert table.loc[0.8, "accuracy"] == 1
    assert table.loc[0.8, "least_confidence"] == pytest.approx(confidence[7])


def network_of(x_to_logits: list[layers.Layer]) -> keras.Model:
    inputs = x = keras.Input((48, 48, 1))
    for layer in x_to_logits:
        x = layer(x)
    return keras.Model(inputs, x)


def test_folded_temperature_tempers_every_answer_and_changes_none():
    keras.utils.set_random_seed(1)
    network = network_of(
        [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(5, "softmax", bias_initializer="normal")]
    )
    faces = np.random.default_rng(2).integers(0, 256, (50, 48, 48, 1), np.uint8)
    before = network.predict(faces, verbose=0)
    apply_temperature_to_network(network, 1.7)
    after = network.predict(faces, verbose=0)
    np.testing.assert_allclose(after, apply_temperature(before, 1.7), atol=1e-5)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()
    assert np.abs(after - before).max() > 0.01


def test_disturbances_do_what_their_names_say():
    face = np.full((48, 48), 200, np.uint8)
    face[:, 24:] = 100  # one vertical edge
    changed = {name: disturb(face) for name, disturb in CORRUPTIONS.items()}
    assert all(picture.shape == (48, 48) and picture.dtype == np.uint8 for picture in changed.values())
    assert (changed["as it is"] == face).all()
    assert [name for name, picture in changed.items() if (picture == face).all()] == ["as it is"]
    assert (changed["mirrored"][:, :24] == 100).all()
    assert (changed["shifted by 3 pixels"][:, 27:] == 100).all()
    assert (changed["shifted by 3 pixels"][:, :27] == 200).all()
    assert changed["darkened to a third"].max() == 66
    assert len(np.unique(changed["mouth covered"][32:44])) == 1
    assert (changed["mouth covered"][:32] == face[:32]).all()
    tilted = changed["turned by 15°"]
    edge = [np.abs(np.diff(tilted[row].astype(int))).argmax() for row in (8, 40)]
    assert abs(edge[0] - edge[1]) == pytest.approx(32 * np.tan(np.deg2rad(15)), abs=1.5)


def test_robustness_table_measures_the_network():
    """A network that only looks at the mouth is lost without it, and does not care about the eyes."""
    chooser = np.random.default_rng(3)
    labels = chooser.integers(0, 2, 40)
    images = np.full((40, 48, 48), 100, np.uint8)
    images[labels == 1, 32:44] = 180
    network = network_of([layers.Cropping2D(((34, 6), (0, 0))), layers.Flatten(), layers.Dense(5, "softmax")])
    kernel = np.zeros((8 * 48, 5), np.float32)
    kernel[:, 1] = 1 / (8 * 48)
    network.layers[-1].set_weights([kernel, np.array([140, 0, -1e3, -1e3, -1e3], np.float32)])
    table = robustness_table(network, FaceDataset(images, labels, np.full(40, "PublicTest")))
    assert table.index[0] == "as it is"
    assert table.loc["as it is", "accuracy"] == 1
    assert table.loc["eyes covered", "lost"] == 0
    assert table.loc["mouth covered", "accuracy"] == pytest.approx((labels == 0).mean())
    assert table.loc["mouth covered", "lost"] == pytest.approx((labels == 1).mean())
