"""The figures of a training can be read: nothing overlaps or is cut off, and their titles say what is in them."""

import itertools
import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.offsetbox import OffsetImage
from matplotlib.text import Text

from fer.data.dataset import FaceDataset
from fer.data.samples import portrait_faces
from fer.evaluation.block_diagram import plot_architecture
from fer.evaluation.calibration import reliability_table, risk_coverage_table
from fer.evaluation.figures import (
    plot_augmentations,
    plot_confusion,
    plot_errors,
    plot_history,
    plot_mean_faces,
    plot_reliability,
    plot_robustness,
    plot_samples,
)
from fer.expressions import EXPRESSIONS
from fer.network.architectures import build_modern, build_original

METRICS = json.loads((ROOT / "results" / "metrics.json").read_text())["PublicTest"]
WIDEST = 900  # pixels that JupyterLab leaves for an output in a window of 1280, at 100 an inch
OWN = tuple(f"class number {number}" for number in range(1, 13))


def made_faces(classes: tuple[str, ...]) -> FaceDataset:
    """The two portraits, thirty times each, under all labels in turn."""
    images = np.tile(portrait_faces()[..., 0], (30, 1, 1))
    return FaceDataset(images, np.arange(60) % len(classes), np.full(60, "Training"), classes)


def made_history(epochs: int, start: float = 0.3, end: float = 0.8) -> pd.DataFrame:
    """A training that comes from one accuracy to another."""
    epoch = np.arange(1, epochs + 1)
    accuracy = end - (end - start) * np.exp(-5 * (epoch - 1) / epochs)
    noise = np.random.default_rng(1).normal(0, 0.005, (2, epochs))
    figures = {"accuracy": accuracy, "loss": 2 - 2 * accuracy}
    figures |= {"val_accuracy": accuracy + noise[0] - 0.02, "val_loss": 2.1 - 2 * accuracy + noise[1]}
    return pd.DataFrame({"epoch": epoch, **figures})


def made_reliability() -> Figure:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet(np.full(5, 0.4), 3037)
    labels = (probabilities.cumsum(axis=1) > random.random((3037, 1))).argmax(axis=1)
    return plot_reliability(reliability_table(probabilities, labels), risk_coverage_table(probabilities, labels))


def recorded_robustness() -> pd.DataFrame:
    accuracy = pd.Series(METRICS["robustness"])
    return pd.DataFrame({"accuracy": accuracy, "lost": accuracy.iloc[0] - accuracy})


def errors_of(faces: FaceDataset) -> Figure:
    count = len(faces.classes)
    return plot_errors(faces, np.eye(count)[(faces.labels + 1) % count] * 0.9 + 0.1 / count, np.arange(20))


RECORDED = pd.read_csv(ROOT / "results" / "history.csv")
FIGURES: dict[str, Callable[[], Figure]] = {
    "samples": lambda: plot_samples(made_faces(EXPRESSIONS), each=10, seed=1),
    "samples of own classes": lambda: plot_samples(made_faces(OWN[:7]), each=10, seed=1),
    "samples, one class without": lambda: plot_samples(made_faces(OWN[:3])._replace(classes=OWN[:4]), each=5, seed=1),
    "mean faces": lambda: plot_mean_faces(made_faces(EXPRESSIONS)),
    "mean faces of own classes": lambda: plot_mean_faces(made_faces(OWN)),
    "mean faces, one class without": lambda: plot_mean_faces(made_faces(OWN[:3])._replace(classes=OWN[:4])),
    "augmentations": lambda: plot_augmentations(portrait_faces(), np.repeat(portrait_faces(), 10, axis=0)),
    "history, recorded": lambda: plot_history(RECORDED, 0.9, 0.8),
    "history of 1 epoch": lambda: plot_history(made_history(1), 0.75, 0.71),
    "history of 13 epochs": lambda: plot_history(made_history(13), 0.75, 0.71),
    "history of 400 epochs": lambda: plot_history(made_history(400), 0.99, 0.99),
    "history that hardly moves": lambda: plot_history(made_history(30, 0.76, 0.77), 0.78, 0.77),
    "confusion": lambda: plot_confusion(pd.DataFrame(METRICS["confusion"]).T),
    "confusion of own classes": lambda: plot_confusion(pd.DataFrame(np.eye(12, dtype=int), OWN, OWN), "your folders"),
    "confusion of two": lambda: plot_confusion(pd.DataFrame([[5, 1], [0, 0]], OWN[:2], OWN[:2]), "your folders"),
    "errors": lambda: errors_of(made_faces(EXPRESSIONS)),
    "reliability": made_reliability,
    "robustness": lambda: plot_robustness(recorded_robustness()),
    "modern": lambda: plot_architecture(build_modern()),
    "original": lambda: plot_architecture(build_original()),
}


@pytest.fixture
def drawn(request: pytest.FixtureRequest) -> Figure:
    """A figure of FIGURES, drawn."""
    figure = FIGURES[request.param]()
    figure.canvas.draw()
    yield figure
    plt.close(figure)


def texts_in(figure: Figure) -> list[Text]:
    """The texts that are seen in a figure."""
    hidden = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
                if not (axes.axison and low - 1e-9 <= tick.get_loc() <= high + 1e-9):
                    hidden |= {tick.label1, tick.label2}
            if not axes.axison:
                hidden |= {axis.label, axis.offsetText}
    return [
        text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip() and text not in hidden
    ]


@pytest.mark.parametrize("drawn", FIGURES, indirect=True)
def test_a_figure_can_be_read_in_a_notebook(drawn: Figure):
    width, height = drawn.get_size_inches() * drawn.dpi
    assert width <= WIDEST
    boxes = {text: text.get_window_extent() for text in texts_in(drawn)}
    assert boxes
    for text, box in boxes.items():
        assert text.get_fontsize() >= 9, f"{text.get_text()!r} is small"
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{text.get_text()!r} is cut off"
    level = {text: box for text, box in boxes.items() if text.get_rotation() % 90 == 0}  # of the others, boxes are wide
    for (one, box), (other, other_box) in itertools.combinations(level.items(), 2):
        shared_width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        shared_height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert min(shared_width, shared_height) < 2, f"{one.get_text()!r} is on {other.get_text()!r}"


def words(figure: Figure) -> str:
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text)).split())


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ("confusion", f"{100 * METRICS['accuracy']:.1f} % of 3,037 faces named as labelled; happy best"),
        ("history, recorded", f"Validation accuracy ends at {100 * RECORDED['val_accuracy'].iloc[-1]:.1f} %"),
        ("history of 13 epochs", "stop: validation > 71 %"),
        ("robustness", f"Hardest: {min(METRICS['robustness'], key=METRICS['robustness'].get)}"),
        ("modern", "modern: 10 convolutions, 3 skip connections, 1,705,457 parameters"),
        ("original", "original: 6 convolutions, no skip connections, 3,245,509 parameters"),
    ],
    indirect=["drawn"],
)
def test_a_title_says_what_is_seen(drawn: Figure, said: str):
    assert said in words(drawn)


@pytest.mark.parametrize("drawn", ["robustness"], indirect=True)
def test_each_corruption_is_shown_on_a_face_that_may_be_shown(drawn: Figure):
    thumbnails = {image.get_data().tobytes() for image in drawn.findobj(OffsetImage)}
    assert len(thumbnails) == len(METRICS["robustness"])
    assert portrait_faces()[0, ..., 0].tobytes() in thumbnails
