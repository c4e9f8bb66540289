"""Figures of merit, and where a network is saved by them."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from conftest import ROOT

from fer.data.dataset import FaceDataset
from fer.evaluation.metrics import (
    accuracy_interval,
    choose_save_folder,
    comparison_table,
    confusion_table,
    evaluate,
    most_confident_errors,
    per_class_metrics,
    predict,
)
from fer.expressions import EXPRESSIONS
from fer.network.files import load_network, read_classes, save_network
from fer.network.transfer import find_pretrained

METRICS = json.loads((ROOT / "results" / "metrics.json").read_text())
OWN = ("calm", "tired", "bored")


def test_wilson_interval():
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    share, low, high = accuracy_interval(np.zeros(263, int), np.arange(263) >= 81)
    assert (share, low, high) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=1e-4)


def test_tables_have_all_five_expressions_even_if_some_do_not_occur():
    labels, predicted = np.array([0, 0, 1]), np.array([0, 1, 1])
    confusion = confusion_table(labels, predicted)
    assert list(confusion.index) == list(confusion.columns) == list(EXPRESSIONS)
    assert confusion.loc["angry", "happy"] == 1
    table = per_class_metrics(labels, predicted)
    assert table.loc["angry", ["precision", "recall", "pictures"]].tolist() == [1.0, 0.5, 2]
    assert table.loc["neutral", "pictures"] == 0


def test_evaluate_tells_duplicates_from_the_rest():
    labels = np.array([0, 1, 2, 3])
    answers = np.eye(5)[[0, 1, 0, 0]]  # the first two are right
    pictures = FaceDataset(np.zeros((4, 48, 48), np.uint8), labels, np.full(4, "PublicTest"))
    figures = evaluate(answers, pictures, leaked=np.array([True, False, False, False]))
    assert figures["accuracy"] == 0.5
    assert figures["accuracy_on_duplicates"] == 1
    assert figures["accuracy_without_duplicates"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["expected_calibration_error"] == 0.5  # it says 100 % and is right in half of the cases
    assert evaluate(answers, pictures, leaked=np.zeros(4, bool))["accuracy_on_duplicates"] is None


def test_the_best_network_stands_last():
    records = json.loads(json.dumps({"good": METRICS, "poor": METRICS}))
    records["poor"]["PublicTest"]["accuracy"] = 0.5
    table = comparison_table(records)
    assert table.index.tolist() == ["poor", "good"]
    assert table.loc["good", "parameters"] == METRICS["parameters"]


def test_worst_mistakes_come_first():
    probabilities = np.array([[0.9, 0.1, 0, 0, 0], [0.6, 0.4, 0, 0, 0], [0.2, 0.8, 0, 0, 0]])
    assert most_confident_errors(np.array([1, 1, 1]), probabilities, most=5).tolist() == [0, 1]
    assert most_confident_errors(np.array([1, 1, 1]), probabilities, most=1).tolist() == [0]


@pytest.fixture
def faces() -> FaceDataset:
    """Thirty grey faces that differ in how bright they are."""
    brightness = np.linspace(0, 255, 30).astype(np.uint8)
    images = np.broadcast_to(brightness[:, None, None], (30, 48, 48)).copy()
    return FaceDataset(images, np.arange(30) // 10, np.full(30, "PublicTest"), OWN)


def network_that_knows_brightness(classes: int) -> keras.Model:
    """A network that tells dark, middle and bright faces apart."""
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    network = keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
    weights, bias = np.zeros((1, classes), np.float32), np.full(classes, -99, np.float32)
    weights[0, :3], bias[:3] = (0, 30, 60), (0, -10, -30)  # the second begins to win at 1/3, the third at 2/3
    network.layers[-1].set_weights([weights, bias])
    return network


def accuracy_of(network: keras.Model, faces: FaceDataset) -> float:
    return (predict(network, faces).argmax(axis=1) == faces.labels).mean()


def test_a_better_network_is_not_overwritten(faces: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture):
    network = network_that_knows_brightness(3)
    noisy = faces._replace(labels=np.where(np.arange(30) % 10, faces.labels, (faces.labels + 1) % 3))
    accuracy = accuracy_of(network, noisy)
    assert accuracy == 0.9
    assert choose_save_folder(20 / 30, tmp_path, "try", noisy) == tmp_path  # nothing is there yet
    save_network(network, tmp_path, OWN)
    assert choose_save_folder(accuracy, tmp_path, "try", noisy) == tmp_path  # the same again
    assert choose_save_folder(29 / 30, tmp_path, "try", noisy) == tmp_path
    assert capsys.readouterr().out == ""
    assert choose_save_folder(25 / 30, tmp_path, "try", noisy) == tmp_path / "try"
    assert "is better (90.0% right)" in capsys.readouterr().out
    (tmp_path / "fer.h5").write_bytes(b"damaged")
    assert choose_save_folder(20 / 30, tmp_path, "try", noisy) == tmp_path


def test_a_network_no_better_than_the_most_frequent_class_is_saved_beside(
    faces: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture
):
    skewed = faces._replace(labels=np.repeat([0, 1, 2], (6, 18, 6)))
    for accuracy, share in ((0.6, "60.0%"), (0.5, "50.0%")):
        assert choose_save_folder(accuracy, tmp_path / "models", "try", skewed) == tmp_path / "models" / "try"
        said = capsys.readouterr().out
        assert f"It is right in {share}, whoever always says tired in 60.0%" in said
        assert str(tmp_path / "models" / "try") in said
    assert choose_save_folder(19 / 30, tmp_path / "models", "try", skewed) == tmp_path / "models"


def test_a_network_for_other_classes_never_costs_the_one_that_is_there(
    faces: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture
):
    models, shipped = tmp_path / "models", ROOT / "models"
    models.mkdir()
    for name in ("fer.json", "fer.h5", "SHA256SUMS"):
        shutil.copy(shipped / name, models)
    network = network_that_knows_brightness(3)
    accuracy = accuracy_of(network, faces)
    assert choose_save_folder(accuracy, models, "own", faces, own_pictures=True) == models
    assert "is kept in" in capsys.readouterr().out
    save_network(network, models, OWN)
    backup = models / "expressions"
    assert (backup / "fer.h5").read_bytes() == (shipped / "fer.h5").read_bytes()
    assert load_network(backup).output_shape == (None, 5)
    assert find_pretrained(models, "nowhere") == backup  # and a fine-tuning that is run again starts from it again
    assert choose_save_folder(accuracy, models, "own", faces, own_pictures=True) == models
    assert not (models / "other-classes").exists()
    expressions = FaceDataset(faces.images, np.arange(30) % 5, faces.splits)
    for expected in ("other-classes", "other-classes-2"):
        assert choose_save_folder(20 / 30, models, "modern", expressions) == models
        assert read_classes(models / expected) == OWN
        network.layers[-1].set_weights([weights + 1 for weights in network.layers[-1].get_weights()])
        save_network(network, models, OWN)  # another one
    assert choose_save_folder(20 / 30, models, "modern", expressions) == models
    assert sorted(path.name for path in models.glob("other-classes*")) == [
        "other-classes",
        "other-classes-2",
        "other-classes-3",
    ]


def test_a_network_that_does_not_say_its_classes_is_kept(faces: FaceDataset, tmp_path: Path):
    save_network(network_that_knows_brightness(5), tmp_path)
    (tmp_path / "SHA256SUMS").unlink()
    described = json.loads((tmp_path / "fer.json").read_text())
    (tmp_path / "fer.json").write_text(json.dumps({key: described[key] for key in described if key != "classes"}))
    assert choose_save_folder(1.0, tmp_path, "own", faces) == tmp_path
    assert (tmp_path / "unusable" / "fer.h5").read_bytes() == (tmp_path / "fer.h5").read_bytes()


def test_a_network_for_the_expressions_is_kept_where_own_pictures_of_them_are_better(
    faces: FaceDataset, tmp_path: Path
):
    save_network(network_that_knows_brightness(5), tmp_path)
    five = FaceDataset(faces.images, np.arange(30) % 5, faces.splits)
    assert choose_save_folder(1.0, tmp_path, "own", five, own_pictures=True) == tmp_path
    assert (tmp_path / "expressions" / "fer.h5").exists()
    shutil.rmtree(tmp_path / "expressions")
    assert choose_save_folder(1.0, tmp_path, "modern", five) == tmp_path  # both were evaluated on FER-2013
    assert not (tmp_path / "expressions").exists()
