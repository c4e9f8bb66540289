"""Draw the data, the training run and its result."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from fer.data.dataset import FaceDataset


def plot_samples(pictures: FaceDataset, each: int, seed: int) -> Figure:
    """Show `each` random pictures of every class, one row a class."""
    chooser = np.random.default_rng(seed)
    count = len(pictures.classes)
    figure, rows = plt.subplots(count, each, figsize=(each * 0.9, count), squeeze=False, layout="constrained")
    for label, row in enumerate(rows):
        candidates = np.flatnonzero(pictures.labels == label)
        for axes, position in zip(row, chooser.permutation(candidates)[:each], strict=False):
            axes.imshow(pictures.images[position], cmap="gray", vmin=0, vmax=255)
        row[0].set_title(pictures.classes[label], loc="left", fontsize=10)
        for axes in row:
            axes.set_axis_off()
    return figure


def plot_mean_faces(pictures: FaceDataset) -> Figure:
    """Show the mean picture of each class; no single face can be made out in it."""
    count = len(pictures.classes)
    figure, row = plt.subplots(1, count, figsize=(1.6 * count, 2), layout="constrained")
    for label, axes in enumerate(row):
        chosen = pictures.images[pictures.labels == label]
        axes.imshow(chosen.mean(axis=0) if len(chosen) else np.zeros((1, 1)), cmap="gray")
        axes.set_title(f"{pictures.classes[label]}\n{len(chosen):,} pictures", fontsize=10)
        axes.set_axis_off()
    return figure


def plot_history(history: pd.DataFrame, stop_accuracy: float, stop_val_accuracy: float, kept: float) -> Figure:
    """Plot accuracy and loss over the epochs, with the thresholds at which training may stop.

    kept: the validation accuracy of the weights that were kept, which need not be those of an epoch.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axes, measure in ((left, "accuracy"), (right, "loss")):
        axes.plot(history["epoch"], history[measure], "o-", markersize=3, color="C0", label="training")
        axes.plot(history["epoch"], history[f"val_{measure}"], "o-", markersize=3, color="C1", label="validation")
        axes.set_xlabel("epoch")
        axes.set_ylabel(measure)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    left.axhline(stop_accuracy, color="C0", linestyle=":", label="stop: training above")
    left.axhline(stop_val_accuracy, color="C1", linestyle=":", label="stop: validation above")
    left.axhline(kept, color="C1", linestyle="--", label="validation of what is kept")
    left.yaxis.set_major_formatter(PercentFormatter(1.0))
    left.legend()
    right.legend()
    return figure


def plot_confusion(confusion: pd.DataFrame, data: str = "FER-2013") -> Figure:
    """Show a confusion matrix: shares of each row in colour, shares and counts in writing; data: who labelled."""
    shares = confusion.div(confusion.sum(axis=1).clip(lower=1), axis=0)
    count = len(confusion)
    figure, axes = plt.subplots(figsize=(max(6, 1 + count), max(5, count)), layout="constrained")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(shares.shape):
        share = shares.iloc[row, column]
        text = f"{share:.0%}\n{confusion.iloc[row, column]}"
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color="white" if share > 0.5 else "black")
    turn = 0 if count <= 5 and max(map(len, confusion.columns)) < 12 else 40  # degrees, so that long names fit
    side = "right" if turn else "center"
    axes.set_xticks(range(count), confusion.columns, rotation=turn, ha=side, rotation_mode="anchor")
    axes.set_yticks(range(count), confusion.index)
    axes.set_xlabel("named by the network")
    axes.set_ylabel(f"labelled in {data}")
    figure.colorbar(image, format=PercentFormatter(1.0, decimals=0), label="share of the labelled class", shrink=0.8)
    return figure


def plot_errors(pictures: FaceDataset, probabilities: np.ndarray, positions: np.ndarray) -> Figure:
    """Show pictures with the label in the data and what the network says instead, eight in a row."""
    rows, names = max(1, -(-len(positions) // 8)), pictures.classes
    figure, grid = plt.subplots(rows, 8, figsize=(11, 1.9 * rows), squeeze=False, layout="constrained")
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, position in zip(grid.flat, positions, strict=False):
        named = probabilities[position].argmax()
        axes.imshow(pictures.images[position], cmap="gray", vmin=0, vmax=255)
        title = f"label {names[pictures.labels[position]]}\n{names[named]} {probabilities[position, named]:.0%}"
        axes.set_title(title, fontsize=9)
    return figure


def plot_reliability(reliability: pd.DataFrame, coverage: pd.DataFrame) -> Figure:
    """Plot accuracy over confidence (on the diagonal it is calibrated), and over the share of pictures answered."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    width = reliability["high"] - reliability["low"]
    left.bar(reliability["low"], reliability["accuracy"], width, align="edge", edgecolor="white", label="accuracy")
    left.plot([0, 1], [0, 1], ":", color="black", label="calibrated")
    for middle, count in zip(reliability["low"] + width / 2, reliability["answers"], strict=True):
        left.text(middle, 0.02, f"{count}", rotation=90, ha="center", va="bottom", fontsize=8, color="white")
    left.set_xlabel("confidence (in the bars: number of answers)")
    left.set_ylabel("accuracy")
    left.set_xlim(min(0.2, reliability["low"].min()), 1)
    left.set_ylim(0, 1)
    left.legend(loc="upper left")
    right.plot(coverage["coverage"], coverage["accuracy"], "o-")
    for row in coverage.itertuples():
        note = f"{row.accuracy:.0%}\nif sure ≥ {row.least_confidence:.0%}"
        right.annotate(note, (row.coverage, row.accuracy), (6, 4), textcoords="offset points", fontsize=8)
    right.set_xlabel("share of pictures answered, the surest first")
    right.set_ylabel("accuracy on them")
    right.set_xticks(coverage["coverage"])
    right.set_xlim(0.46, 1.14)
    right.set_ylim(coverage["accuracy"].min() - 0.03, min(1.03, coverage["accuracy"].max() + 0.06))
    for axis in (left.xaxis, left.yaxis, right.xaxis, right.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axis.grid(alpha=0.3)
    return figure


def plot_robustness(robustness: pd.DataFrame) -> Figure:
    """Show the accuracy under every disturbance as a bar, the pictures as they are on top."""
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    bars = axes.barh(robustness.index, robustness["accuracy"], color=["C0"] + ["C1"] * (len(robustness) - 1))
    axes.bar_label(bars, [f"{share:.1%}" for share in robustness["accuracy"]], padding=3, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("accuracy")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_architecture(network: keras.Model) -> Figure:
    """Draw the network from left to right: each layer with weights or pooling as a bar.

    A bar's height is the side of its output, its width grows with the logarithm of its channels.
    """
    colours = {"Conv2D": "C0", "MaxPooling2D": "C3", "GlobalAveragePooling2D": "C1", "Flatten": "C1", "Dense": "C2"}
    figure, axes = plt.subplots(figsize=(12, 4.2), layout="constrained")
    left, ticks, named = 0.0, [], set()
    for layer in network.layers:
        kind = type(layer).__name__
        if kind not in colours:
            continue
        shape = layer.output.shape
        side, channels = (shape[1] if len(shape) == 4 else 3), shape[-1]
        width = 0.15 * np.log2(channels) + 0.1
        label = None if kind in named else kind
        axes.bar(left, side, width, bottom=-side / 2, align="edge", color=colours[kind], alpha=0.85, label=label)
        size = f"{shape[1]}×{shape[2]}×{channels}" if len(shape) == 4 else f"{channels}"
        axes.text(left + width / 2, side / 2 + 1, size, rotation=90, ha="center", va="bottom", fontsize=8)
        ticks.append(left + width / 2)
        named.add(kind)
        left += width + 0.35
    axes.set_ylim(-26, 40)
    axes.set_axis_off()
    axes.set_title(
        f"{network.name}: 48×48 grey values in, {network.output.shape[-1]} probabilities out, "
        f"{network.count_params():,} parameters"
    )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles, labels, loc="lower right", ncols=len(labels), frameon=False)
    return figure
