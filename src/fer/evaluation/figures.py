"""Draw the data, the training and what came of it, in one style; titles say what the figure shows."""

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from matplotlib.ticker import MaxNLocator

from fer.data.dataset import FaceDataset
from fer.data.samples import portrait_faces
from fer.evaluation.calibration import expected_calibration_error
from fer.evaluation.robustness import CORRUPTIONS
from fer.expressions import ACCENT, FIGURE_STYLE, HEADLINE, MUTED, class_colours

# Load the notebook's back end now: it shows figures by a setting that the first rc_context would put back.
plt.switch_backend(plt.get_backend())

CAPTION = {"loc": "center", "fontsize": 9, "fontweight": "normal"}  # of one face among several
WIDTH = 9  # inches: at 100 pixels an inch, as wide as JupyterLab shows in a window of 1280 pixels


def percent(share: float, decimals: int = 0) -> str:
    """Write a share 0–1 as "77 %"."""
    return f"{100 * share:.{decimals}f} %"


def show_percent(axis: Axis) -> None:
    """Write an axis' shares 0–1 as percentages."""
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")


def show_face(axes: Axes, image: np.ndarray | None = None, colour: str | None = None) -> None:
    """Show a (48, 48) grey face, or nothing, without axes; in a frame if a colour is given."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=colour is not None, color=colour, linewidth=2.5)
    if image is not None:
        axes.imshow(image, cmap="gray", vmin=0, vmax=255)


@plt.rc_context(FIGURE_STYLE)
def plot_samples(faces: FaceDataset, each: int, seed: int) -> Figure:
    """Show `each` random faces of every class, one row a class."""
    random = np.random.default_rng(seed)
    colours = class_colours(faces.classes)
    figure, rows = plt.subplots(len(colours), each, figsize=(WIDTH, WIDTH / each * len(colours)), squeeze=False)
    for axes in rows.flat:
        show_face(axes)
    for label, (row, name) in enumerate(zip(rows, colours, strict=True)):
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axes, position in zip(row, random.permutation(np.flatnonzero(faces.labels == label)), strict=False):
            show_face(axes, faces.images[position], colours[name])
    figure.suptitle(f"{each} faces of each class, drawn at random", **HEADLINE)
    return figure


@plt.rc_context(FIGURE_STYLE)
def plot_mean_faces(faces: FaceDataset) -> Figure:
    """Show the mean face of each class, at most six in a row; no single one can be made out in it."""
    colours = class_colours(faces.classes)
    columns, rows = min(6, len(colours)), -(-len(colours) // 6)
    figure, grid = plt.subplots(rows, columns, figsize=(min(WIDTH, 1.8 * columns), 0.3 + 2.3 * rows), squeeze=False)
    for axes in grid.flat:
        show_face(axes)
    for label, (axes, name) in enumerate(zip(grid.flat, colours, strict=False)):
        images = faces.images[faces.labels == label]
        axes.set_title(f"{name}\n{len(images):,} faces", **CAPTION)
        if len(images):
            mean = images.mean(axis=0)
            show_face(
                axes, np.interp(mean, (mean.min(), mean.max()), (0, 255)), colours[name]
            )  # it has little contrast
    figure.suptitle("The mean face of each class", **HEADLINE)
    return figure


@plt.rc_context(FIGURE_STYLE)
def plot_augmentations(faces: np.ndarray, augmented: np.ndarray) -> Figure:
    """Show each face, and beside it what augmentation made of it.

    faces: (n, 48, 48, 1), augmented: (n * views, 48, 48, 1), the views of the first face first; both grey 0–255.
    """
    views = len(augmented) // len(faces)
    figure, rows = plt.subplots(
        len(faces), 1 + views, figsize=(WIDTH, 0.4 + WIDTH / (1 + views) * len(faces)), squeeze=False
    )
    for row, face, changed in zip(rows, faces, augmented.reshape(len(faces), views, *faces.shape[1:]), strict=True):
        show_face(row[0], face, ACCENT)
        for axes, image in zip(row[1:], changed, strict=True):
            show_face(axes, image)
    figure.suptitle("In frames: the faces as they are; beside them: changed at random, anew each time", **HEADLINE)
    return figure


@plt.rc_context(FIGURE_STYLE)
def plot_history(history: pd.DataFrame, stop_accuracy: float, stop_val_accuracy: float) -> Figure:
    """Plot accuracy and loss over all epochs, and the accuracies above which training stops.

    history: a row an epoch, with epoch (from 1), accuracy, loss, val_accuracy and, if it was recorded, val_loss.
    """
    last = history.iloc[-1]
    figure, panels = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    for axes, measure in zip(panels, ("accuracy", "loss"), strict=True):
        marker = "." if len(history) == 1 else ""
        axes.plot(history["epoch"], history[measure], color=MUTED, marker=marker)
        if f"val_{measure}" in history:
            axes.plot(history["epoch"], history[f"val_{measure}"], color=ACCENT, marker=marker)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_xmargin(0)
        axes.grid()
    labels = {"training": (last["accuracy"], MUTED), "validation": (last["val_accuracy"], ACCENT)}
    for name, threshold, colour in (("training", stop_accuracy, MUTED), ("validation", stop_val_accuracy, ACCENT)):
        panels[0].axhline(threshold, color=colour, linestyle=":")
        labels[f"stop: {name} > {percent(threshold)}"] = threshold, colour
    show_percent(panels[0].yaxis)
    panels[0].set_title(f"Validation accuracy ends at {percent(last['val_accuracy'], 1)}")
    label_lines(panels[0], labels)
    losses = {"validation": (last["val_loss"], ACCENT)} if "val_loss" in last else {}
    name = "Validation" if losses else "Training"
    panels[1].set_title(f"{name} loss ends at {last['val_loss' if losses else 'loss']:.2f}")
    label_lines(panels[1], losses | {"training": (last["loss"], MUTED)})
    return figure


def label_lines(axes: Axes, labels: Mapping[str, tuple[float, str]]) -> None:
    """Write names at the right ends of lines, given where each ends (y) and its colour, without overlaps."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    names = sorted(labels, key=lambda name: labels[name][0])
    heights, gap = np.array([labels[name][0] for name in names]), 0.08 * (high - low)
    for _ in range(100):  # those that are too close push each other away
        heights = heights.clip(low + gap / 2, high - gap / 2)
        for lower, upper in itertools.pairwise(range(len(names))):
            overlap = max(0.0, gap - (heights[upper] - heights[lower]))
            heights[lower], heights[upper] = heights[lower] - overlap / 2, heights[upper] + overlap / 2
    for name, height in zip(names, heights, strict=True):
        end = {"transform": axes.get_yaxis_transform(), "va": "center"}
        axes.text(1.02, height, name, color=labels[name][1], fontsize=10, **end)


@plt.rc_context(FIGURE_STYLE)
def plot_confusion(confusion: pd.DataFrame, data: str = "FER-2013") -> Figure:
    """Show a confusion matrix: shares of each row in colour, shares and counts in writing; data: who labelled."""
    totals = confusion.sum(axis=1)
    shares = confusion.div(totals.clip(lower=1), axis=0)
    right = pd.Series(np.diag(shares), shares.index)[totals.to_numpy() > 0]
    accuracy = np.trace(confusion) / totals.sum()
    count = len(confusion)
    figure, axes = plt.subplots(figsize=(min(WIDTH, max(6.5, 1.5 + count)), max(5, 0.9 + 0.8 * count)))
    axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("shares", ["white", ACCENT]), vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        share = shares.iloc[row, column]
        text = f"{percent(share)}\n{confusion.iloc[row, column]}"
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color="white" if share > 0.5 else "black")
    turn = 0 if count <= 5 and max(map(len, confusion.columns)) < 12 else 40  # degrees, so that long names fit
    side = "right" if turn else "center"
    axes.set_xticks(range(count), confusion.columns, rotation=turn, ha=side, rotation_mode="anchor")
    axes.set_yticks(range(count), confusion.index)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("named by the network")
    axes.set_ylabel(f"labelled in {data}")
    figure.suptitle(
        f"{percent(accuracy, 1)} of {totals.sum():,} faces named as labelled;\n{right.idxmax()} best"
        f" ({percent(right.max())}), {right.idxmin()} worst ({percent(right.min())})",
        **HEADLINE,
    )
    return figure


@plt.rc_context(FIGURE_STYLE)
def plot_errors(faces: FaceDataset, probabilities: np.ndarray, positions: np.ndarray) -> Figure:
    """Show faces with what the network names, and the label in the data, eight in a row."""
    rows, names = max(1, -(-len(positions) // 8)), faces.classes
    figure, grid = plt.subplots(rows, 8, figsize=(WIDTH, 0.4 + 1.6 * rows), squeeze=False)
    for axes in grid.flat:
        show_face(axes)
    for axes, position in zip(grid.flat, positions, strict=False):
        show_face(axes, faces.images[position])
        named = probabilities[position].argmax()
        answer = f"{names[named]} {percent(probabilities[position, named])}"
        axes.set_title(f"{answer}\nlabel {names[faces.labels[position]]}", **CAPTION)
    figure.suptitle("Where the network is surest and the label says otherwise", **HEADLINE)
    return figure


@plt.rc_context(FIGURE_STYLE)
def plot_reliability(reliability: pd.DataFrame, coverage: pd.DataFrame) -> Figure:
    """Plot accuracy over confidence (on the diagonal it is calibrated), and over the share of faces answered.

    reliability, coverage: as from `reliability_table` and `risk_coverage_table`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(WIDTH, 4))
    width = reliability["high"] - reliability["low"]
    left.bar(reliability["low"], reliability["accuracy"], width, align="edge", color=ACCENT, edgecolor="white")
    for middle, count in zip(reliability["low"] + width / 2, reliability["answers"], strict=True):
        left.text(middle, 0.02, f"{count:,}", rotation=90, ha="center", va="bottom", fontsize=9, color="white")
    left.plot([0, 1], [0, 1], ":", color="black")
    start = min(0.2, reliability["low"].min())
    left.set(xlim=(start, 1), ylim=(0, 1), xlabel="confidence (in the bars: number of faces)", ylabel="share right")
    turn = {"rotation": 45, "rotation_mode": "anchor", "transform_rotates_text": True}
    left.text(0.45, 0.53, "calibrated", **turn)
    left.set_title(f"Confidence is off by {100 * expected_calibration_error(reliability):.1f} points on average")
    right.plot(coverage["coverage"], coverage["accuracy"], "o-", color=ACCENT)
    for row in coverage.itertuples():
        place = (row.coverage, row.accuracy)
        right.annotate(percent(row.accuracy), place, (4, 6), textcoords="offset points", fontsize=10)
    surest = coverage.iloc[(coverage["coverage"] - 0.8).abs().argmin()]
    right.set_title(f"Of the surest {percent(surest['coverage'])}, {percent(surest['accuracy'])} are right")
    ticks = [f"{percent(row.coverage)}\n≥ {percent(row.least_confidence)}" for row in coverage.itertuples()]
    right.set_xticks(coverage["coverage"], ticks, fontsize=9)
    right.set(xlabel="faces answered, and their confidence", ylabel="share right among them", xlim=(0.46, 1.08))
    right.set_ylim(coverage["accuracy"].min() - 0.03, min(1.05, coverage["accuracy"].max() + 0.04))
    for axis in (left.xaxis, left.yaxis, right.yaxis):
        show_percent(axis)
    right.grid()
    return figure


@plt.rc_context(FIGURE_STYLE)
def plot_robustness(robustness: pd.DataFrame) -> Figure:
    """Show the accuracy under every corruption as a bar, beside a face that is corrupted so.

    robustness: as from `robustness_table`.
    """
    face, lost = portrait_faces()[0, ..., 0], robustness["lost"]
    figure, axes = plt.subplots(figsize=(WIDTH, 0.9 + 0.55 * len(robustness)))
    bars = axes.barh(robustness.index, robustness["accuracy"], color=[ACCENT] + [MUTED] * (len(robustness) - 1))
    axes.bar_label(bars, [percent(share, 1) for share in robustness["accuracy"]], padding=4)
    for row, name in enumerate(robustness.index):
        picture = OffsetImage(CORRUPTIONS[name](face), zoom=0.72, cmap="gray", clim=(0, 255))
        place = (0, row)
        box = AnnotationBbox(
            picture, place, (-4, 0), axes.get_yaxis_transform(), "offset points", box_alignment=(1, 0.5), frameon=False
        )
        axes.add_artist(box)
    axes.tick_params(axis="y", length=0, pad=46)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="named as labelled")
    show_percent(axes.xaxis)
    figure.suptitle(f"Hardest: {lost.idxmax()}, {100 * lost.max():.0f} points less than as it is", **HEADLINE)
    return figure
