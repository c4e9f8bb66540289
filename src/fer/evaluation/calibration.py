"""Make a network's confidence mean what it says: 80 % sure is right in 80 % of the cases."""

import keras
import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

BINS = 15
MIN_CALIBRATION_FACES = 50  # a handful that happen to be right would make any network look sure


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature by which dividing the logits brings the probabilities closest to the labels.

    Temperature scaling (Guo et al. 2017), fitted to the least squared error (Brier 1950) in place of the greatest
    likelihood, which is ruled by the classes that a network believes in least.

    probabilities: (N, classes) of faces that the network was not trained on. labels: (N,) int. Above 1 the network
    was too sure of itself, below 1 not sure enough.
    """
    targets = np.eye(probabilities.shape[1])[labels]

    def brier_score(log_temperature: float) -> float:
        return ((apply_temperature(probabilities, np.exp(log_temperature)) - targets) ** 2).sum(axis=1).mean()

    return float(np.exp(minimize_scalar(brier_score, bounds=(np.log(0.1), np.log(10)), method="bounded").x))


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the (N, classes) probabilities that the same logits give at another temperature."""
    # The logarithms of the probabilities are the logits but for a constant, which the normalisation takes out.
    powers = np.clip(probabilities.astype(np.float64), 1e-12, 1) ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def apply_temperature_to_network(network: keras.Model, temperature: float) -> None:
    """Divide the last layer's weights by the temperature: the network is calibrated as it is, and no slower."""
    last = network.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])


def reliability_table(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Sort the answers into 15 equally wide bins of confidence; one row for each bin that is not empty.

    Columns: low, high (the bin's bounds), answers (count), confidence and accuracy (means, shares 0–1).
    """
    confidence = probabilities.max(axis=1)
    bounds = np.linspace(0, 1, BINS + 1)
    answers = pd.DataFrame(
        {
            "bin": np.digitize(confidence, bounds[1:-1], right=True),
            "confidence": confidence,
            "accuracy": probabilities.argmax(axis=1) == labels,
        }
    )
    table = answers.groupby("bin").agg(
        answers=("accuracy", "size"), confidence=("confidence", "mean"), accuracy=("accuracy", "mean")
    )
    table.insert(0, "low", bounds[table.index])
    table.insert(1, "high", bounds[table.index + 1])
    return table.reset_index(drop=True)


def expected_calibration_error(reliability: pd.DataFrame) -> float:
    """Return how far confidence and accuracy are apart on average, weighted by the answers (Naeini et al. 2015)."""
    apart = (reliability["confidence"] - reliability["accuracy"]).abs()
    return float(np.average(apart, weights=reliability["answers"]))


def risk_coverage_table(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Say how accurate the surest answers are when the others are withheld (risk and coverage, El-Yaniv & Wiener 2010).

    Columns: coverage (share of faces answered), least_confidence (of those) and accuracy (on those).
    """
    surest_first = np.argsort(-probabilities.max(axis=1), kind="stable")
    confidence = probabilities.max(axis=1)[surest_first]
    right = (probabilities.argmax(axis=1) == labels)[surest_first]
    coverage = np.arange(1.0, 0.45, -0.1).round(1)
    counts = np.maximum(1, np.ceil(coverage * len(labels)).astype(int))
    return pd.DataFrame(
        {
            "coverage": coverage,
            "least_confidence": confidence[counts - 1],
            "accuracy": [right[:count].mean() for count in counts],
        }
    )
