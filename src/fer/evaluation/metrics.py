"""Evaluate a network on faces that it was not trained on."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from fer.data.dataset import FaceDataset
from fer.evaluation.calibration import expected_calibration_error, reliability_table
from fer.expressions import EXPRESSIONS
from fer.network.files import UnusableModelError, back_up_network, load_network, read_classes


def predict(network: keras.Model, faces: FaceDataset) -> np.ndarray:
    """Return the (N, classes) float32 probabilities that the network gives to the faces."""
    return network.predict(faces.images[..., None], batch_size=256, verbose=0)


def accuracy_interval(labels: np.ndarray, predicted: np.ndarray) -> tuple[float, float, float]:
    """Return top-1 accuracy and its 95 % interval after Wilson (1927), as shares 0–1."""
    right = int((labels == predicted).sum())
    low, high = binomtest(right, len(labels)).proportion_ci(method="wilson")
    return right / len(labels), low, high


def per_class_metrics(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str] = EXPRESSIONS) -> pd.DataFrame:
    """Return precision, recall and F1 (shares 0–1) and the number of pictures of each class."""
    scores = precision_recall_fscore_support(labels, predicted, labels=range(len(classes)), zero_division=0)
    return pd.DataFrame(dict(zip(("precision", "recall", "f1", "pictures"), scores, strict=True)), index=list(classes))


def confusion_table(labels: np.ndarray, predicted: np.ndarray, classes: Sequence[str] = EXPRESSIONS) -> pd.DataFrame:
    """Count the pictures of each class (rows) by what the network named them (columns)."""
    counts = confusion_matrix(labels, predicted, labels=range(len(classes)))
    return pd.DataFrame(counts, index=list(classes), columns=list(classes))


def most_confident_errors(labels: np.ndarray, probabilities: np.ndarray, most: int) -> np.ndarray:
    """Return the positions of at most `most` errors, those first that the network is surest of."""
    errors = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    return errors[np.argsort(-probabilities[errors].max(axis=1), kind="stable")][:most]


def evaluate(probabilities: np.ndarray, faces: FaceDataset, leaked: np.ndarray) -> dict:
    """Collect the figures of one split that stand in metrics.json.

    probabilities: (N, classes), the network's answers. leaked: (N,) bool, the faces whose pixels also occur in
    Training as the archive has it. Shares are 0–1; the accuracy on faces of which there is none is None.
    """
    labels, predicted = faces.labels, probabilities.argmax(axis=1)

    def accuracy_on(chosen: np.ndarray) -> float | None:
        return round(accuracy_score(labels[chosen], predicted[chosen]), 6) if chosen.any() else None

    accuracy, low, high = accuracy_interval(labels, predicted)
    return {
        "pictures": len(labels),
        "accuracy": round(accuracy, 6),
        "accuracy_95_percent_interval": [round(low, 6), round(high, 6)],
        "accuracy_without_duplicates": accuracy_on(~leaked),
        "accuracy_on_duplicates": accuracy_on(leaked),
        "duplicates": int(leaked.sum()),
        "expected_calibration_error": round(expected_calibration_error(reliability_table(probabilities, labels)), 6),
        "classes": per_class_metrics(labels, predicted, faces.classes).round(3).to_dict("index"),
        "confusion": confusion_table(labels, predicted, faces.classes).to_dict("index"),
    }


def comparison_table(
    records: dict[str, dict], split: str = "PublicTest", classes: Sequence[str] = EXPRESSIONS
) -> pd.DataFrame:
    """Put networks for the same classes side by side, the best last: one row for each record.

    records: as metrics.json holds them. split: the key under which they have the figures.
    """
    rows = {
        title: {
            **{name: record[name] for name in ("parameters", "multiply_adds", "epochs")},
            "accuracy": record[split]["accuracy"],
            "low": record[split]["accuracy_95_percent_interval"][0],
            "high": record[split]["accuracy_95_percent_interval"][1],
            "without duplicates": record[split]["accuracy_without_duplicates"],
            "calibration error": record[split]["expected_calibration_error"],
        }
        for title, record in records.items()
        if record[split]["classes"].keys() == set(classes)
    }
    return pd.DataFrame.from_dict(rows, orient="index").sort_values("accuracy")


def choose_save_folder(
    accuracy: float, models: Path, name: str, faces: FaceDataset, own_pictures: bool = False
) -> Path:
    """Return where to save a network: in `models`, or in `models/<name>` where it would replace a better one.

    accuracy: the share 0–1 of `faces`, the validation split, in which it is right. A network that is no better than
    always naming the most frequent class never goes to `models`. The one that is in `models` is asked about the same
    faces; one of other classes cannot be compared, and is backed up in a folder there. own_pictures: the faces are the
    user's, so that a network for the expressions, evaluated on others, is backed up, too.
    """
    counts = np.bincount(faces.labels)
    baseline = counts.max() / counts.sum()
    if accuracy <= baseline:
        print(
            f"It is right in {accuracy:.1%}, whoever always says {faces.classes[counts.argmax()]} in {baseline:.1%}."
            f" Not worth using, it goes to {models / name}. Train for more epochs, or on more pictures."
        )
        return models / name
    try:
        network, classes = load_network(models), read_classes(models)
    except UnusableModelError:
        if (models / "fer.h5").exists():
            print(f"The one in {models} cannot be used; it is kept in {back_up_network(models, 'unusable')}.")
        return models
    if classes == faces.classes:
        former = accuracy_score(faces.labels, predict(network, faces).argmax(axis=1))
        if accuracy < former - 1e-4:  # else better, or the same network again, rounded
            print(f"The one in {models} is better ({former:.1%} right): it stays, this one goes to {models / name}.")
            return models / name
    if classes != faces.classes or (own_pictures and classes == EXPRESSIONS):
        backup = back_up_network(models, "expressions" if classes == EXPRESSIONS else "other-classes")
        print(f"The network that was in {models}, for {', '.join(classes)}, is kept in {backup}.")
    return models
