"""What README and model card say is what was measured; the committed weights give it again."""

import json
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from fer.dataset import EXPRESSIONS, read_fer2013
from fer.duplicates import seen_in_training
from fer.evaluation import accuracy_interval, class_table, confusion_table, judge, worst_mistakes
from fer.model_files import load_network

METRICS = json.loads((ROOT / "results" / "metrics.json").read_text())


@pytest.mark.parametrize("text", ["README.md", "models/README.md"])
def test_texts_carry_the_measured_accuracy(text: str):
    written = (ROOT / text).read_text()
    low, high = METRICS["PublicTest"]["accuracy_95_percent_interval"]
    assert f"**{METRICS['PublicTest']['accuracy']:.1%}".replace("%", " %**") in written
    assert f"{low:.1%} to {high:.1%}".replace("%", " %") in written


def test_model_card_carries_every_class():
    card = (ROOT / "models" / "README.md").read_text()
    for name, scores in METRICS["PublicTest"]["classes"].items():
        assert f"| {name} | {scores['precision']:.3f} | {scores['recall']:.3f} | {scores['f1']:.3f} |" in card
    assert f"{METRICS['parameters']:,} parameters" in card
    unseen = METRICS["PublicTest"]["accuracy_without_duplicates"]
    assert f"{unseen:.1%}".replace("%", " %") in card


def test_notebook_shows_the_run_of_record():
    notebook = nbformat.read(ROOT / "train_model.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert f"{METRICS['PublicTest']['accuracy']:.1%} right" in printed
    history = pd.read_csv(ROOT / "results" / "history.csv")
    assert len(history) == METRICS["epochs"]
    assert history["val_accuracy"].max() == pytest.approx(METRICS["PublicTest"]["accuracy"], abs=1e-3)


def test_original_stopped_by_itself():
    """The record of the seed network's run: both thresholds are passed in the last epoch and in none before."""
    history = pd.read_csv(ROOT / "results" / "original" / "history.csv")
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    passed = (history["accuracy"] > 0.75) & (history["val_accuracy"] > 0.71)
    assert passed.tolist() == [False] * (len(history) - 1) + [True]
    measured = json.loads((ROOT / "results" / "original" / "metrics.json").read_text())["PublicTest"]
    readme = (ROOT / "README.md").read_text()
    for name in ("accuracy", "accuracy_without_duplicates"):
        assert f"**{100 * measured[name]:.1f} %**" in readme


def test_committed_weights_give_the_committed_figures(archive: Path):
    pictures, _ = read_fer2013(archive)
    tested = pictures.split("PublicTest")
    leaked = seen_in_training(tested, pictures.split("Training"))
    measured = judge(load_network(ROOT / "models"), tested, leaked)
    for name in ("accuracy", "accuracy_without_duplicates"):
        # Another machine may round differently; a tenth of a point is three pictures.
        assert measured[name] == pytest.approx(METRICS["PublicTest"][name], abs=1e-3)
    assert measured["accuracy"] >= 0.73
    assert measured["duplicates"] == 217


def test_wilson_interval():
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    share, low, high = accuracy_interval(np.zeros(263, int), np.arange(263) >= 81)
    assert (share, low, high) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=1e-4)


def test_tables_have_all_five_expressions_even_if_some_do_not_occur():
    labels, predicted = np.array([0, 0, 1]), np.array([0, 1, 1])
    confusion = confusion_table(labels, predicted)
    assert list(confusion.index) == list(confusion.columns) == list(EXPRESSIONS)
    assert confusion.loc["angry", "happy"] == 1
    table = class_table(labels, predicted)
    assert table.loc["angry", ["precision", "recall", "pictures"]].tolist() == [1.0, 0.5, 2]
    assert table.loc["neutral", "pictures"] == 0


def test_worst_mistakes_come_first():
    probabilities = np.array([[0.9, 0.1, 0, 0, 0], [0.6, 0.4, 0, 0, 0], [0.2, 0.8, 0, 0, 0]])
    assert worst_mistakes(np.array([1, 1, 1]), probabilities, most=5).tolist() == [0, 1]
    assert worst_mistakes(np.array([1, 1, 1]), probabilities, most=1).tolist() == [0]
