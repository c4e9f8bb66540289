"""What README and model card say is what was measured; the committed weights give it again."""

import json
import re
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from fer.data.dataset import FaceDataset
from fer.data.fer2013 import read_fer2013
from fer.data.splits import find_leaked
from fer.evaluation.metrics import (
    evaluate,
    predict,
)
from fer.network.files import load_network

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
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)
    assert f"{METRICS['PublicTest']['accuracy']:.1%} right" in printed
    history = pd.read_csv(ROOT / "results" / "history.csv")
    assert len(history) == METRICS["epochs"]
    # 32 bits here, where training may have had 16: the last epoch's weights, and no better ones, are kept.
    assert history["val_accuracy"].iloc[-1] == pytest.approx(METRICS["PublicTest"]["accuracy"], abs=3e-3)
    lines = re.findall(rf"^Epoch +(\d+)/{METRICS['epochs']} (.*)$", printed, re.MULTILINE)[-METRICS["epochs"] :]
    shown = pd.DataFrame([{"epoch": int(epoch)} | read_figures(figures) for epoch, figures in lines])
    np.testing.assert_allclose(shown[list(history.columns)], history, atol=1e-4)


def read_figures(line: str) -> dict[str, float]:
    """Read names and figures, which stand in turns, of an epoch's line."""
    return {name: float(figure) for name, figure in re.findall(r"(\w+) (\d\.\d+)", line)}


def test_original_stopped_by_itself():
    """The record of the seed network's run: both thresholds are passed in the last epoch and in none before."""
    history = pd.read_csv(ROOT / "results" / "original-with-duplicates" / "history.csv")
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    passed = (history["accuracy"] > 0.75) & (history["val_accuracy"] > 0.71)
    assert passed.tolist() == [False] * (len(history) - 1) + [True]


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("README.md", ""),
        ("README.md", "original"),
        ("results/EXPERIMENTS.md", ""),
        ("results/EXPERIMENTS.md", "original"),
        ("results/EXPERIMENTS.md", "original-with-duplicates"),
    ],
)
def test_tables_of_networks_are_as_measured(text: str, record: str):
    folder = ROOT / "results" / record
    measured = json.loads((folder / "metrics.json").read_text())
    figures = measured["PublicTest"]
    assert measured["duplicates"] == ("kept" if record.endswith("duplicates") else "removed")
    shares = ("accuracy_without_duplicates", "expected_calibration_error")
    end = " | ".join(f"{100 * figures[name]:.1f} %" for name in shares)
    low, high = (f"{100 * bound:.1f} %" for bound in figures["accuracy_95_percent_interval"])
    rows = [line.replace("**", "") for line in (ROOT / text).read_text().splitlines()]
    row = f"| {measured['parameters']:,} | {100 * figures['accuracy']:.1f} % ({low} to {high}) | {end} |"
    assert any(line.endswith(row) for line in rows)
    if record:  # its best epoch is kept; of the other, the last
        history = pd.read_csv(folder / "history.csv")
        assert history["val_accuracy"].max() == pytest.approx(figures["accuracy"], abs=1e-3)


def test_readme_carries_the_baseline():
    counts = {name: scores["pictures"] for name, scores in METRICS["PublicTest"]["classes"].items()}
    most = max(counts, key=counts.get)
    assert f"(*{most}*) | – | {100 * counts[most] / sum(counts.values()):.1f} %" in (ROOT / "README.md").read_text()


def test_trials_are_those_of_the_table():
    """Each accuracy in EXPERIMENTS.md's table of trials is one of experiments.csv."""
    trials = 100 * pd.read_csv(ROOT / "results" / "experiments.csv")["public_test_accuracy"].dropna()
    text = (ROOT / "results" / "EXPERIMENTS.md").read_text()
    table = text.partition("| what | epochs | accuracy |")[2].partition("\n\n")[0]
    written = [figure for row in table.splitlines()[2:] for figure in re.findall(r"\d\d\.\d", row.split(" | ")[2])]
    assert len(written) > 15
    for figure in written:
        assert (trials - float(figure)).abs().min() < 0.06, f"no trial has {figure} %"  # it has four digits


def test_model_card_says_how_far_to_trust_it():
    card = (ROOT / "models" / "README.md").read_text()
    for name, accuracy in METRICS["PublicTest"]["robustness"].items():
        assert f"| {name} | {100 * accuracy:.1f} % |" in card
    assert f"{100 * METRICS['PublicTest']['expected_calibration_error']:.1f} %" in card


def test_model_card_says_what_is_gained_by_withholding():
    card = (ROOT / "models" / "README.md").read_text()
    accuracy = {row["coverage"]: row["accuracy"] for row in METRICS["PublicTest"]["coverage"]}
    assert f"at 80 % coverage (the surest four fifths) | {100 * accuracy[0.8]:.1f} % |" in card
    assert f"at 50 % coverage | {100 * accuracy[0.5]:.1f} % |" in card
    assert (
        f"they left Training, and are easier) | {100 * METRICS['PublicTest']['accuracy_on_duplicates']:.1f} %" in card
    )


def test_trials_compare_with_the_network_as_measured():
    text = (ROOT / "results" / "EXPERIMENTS.md").read_text()
    rows = re.findall(r"^\| (.+) \| \d\d\.\d % \| (\d\d\.\d) % \|$", text, re.MULTILINE)
    assert len(rows) > 5
    for name, accuracy in rows:
        assert accuracy == f"{100 * METRICS['PublicTest']['robustness'][name]:.1f}"


def test_committed_weights_give_the_committed_figures(archive: Path):
    pictures, _ = read_fer2013(archive)
    tested = pictures.split("PublicTest")
    leaked = find_leaked(tested, pictures.split("Training"))
    measured = evaluate(predict(load_network(ROOT / "models"), tested), tested, leaked)
    for name in ("accuracy", "accuracy_without_duplicates"):
        # Another machine may round differently; a tenth of a point is three pictures.
        assert measured[name] == pytest.approx(METRICS["PublicTest"][name], abs=1e-3)
    expected = METRICS["PublicTest"]["expected_calibration_error"]
    assert measured["expected_calibration_error"] == pytest.approx(expected, abs=5e-3)
    assert measured["accuracy"] >= 0.76
    assert measured["duplicates"] == 217


def test_committed_network_gives_a_mirror_image_the_same_answer():
    faces = np.random.default_rng(0).integers(0, 256, (20, 48, 48), np.uint8)
    faces = np.stack([cv2.GaussianBlur(face, (0, 0), 3) for face in faces])
    answers = [
        predict(load_network(ROOT / "models"), FaceDataset(images, np.zeros(20, int), np.full(20, "x")))
        for images in (faces, faces[:, :, ::-1])
    ]
    assert np.ptp(answers[0], axis=0).max() > 0.1
    np.testing.assert_allclose(*answers, atol=3e-3)  # its statistics were measured in 16 bits, in each of a pair


def test_the_committed_network_is_calibrated():
    assert METRICS["PublicTest"]["expected_calibration_error"] <= 0.03
