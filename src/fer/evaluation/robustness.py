"""Evaluate a network on faces that are not as clean as those of the test split."""

from collections.abc import Callable

import cv2
import keras
import numpy as np
import pandas as pd

from fer.data.dataset import FaceDataset
from fer.evaluation.metrics import predict
from fer.expressions import SIDE


def shift_and_rotate(image: np.ndarray, shift: tuple[float, float] = (0, 0), degrees: float = 0) -> np.ndarray:
    """Shift by pixels and turn about the middle; the border is continued outwards."""
    middle = (SIDE - 1) / 2
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, 1.0)
    matrix[:, 2] += shift
    return cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def compress_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Save as JPEG of this quality (0–100) and read again."""
    _, file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)


def occlude_rows(image: np.ndarray, rows: slice) -> np.ndarray:
    """Cover some rows with the picture's mean grey, as a mask or sunglasses would."""
    image = image.copy()
    image[rows] = image.mean()
    return image


# Each turns one face, (48, 48) uint8, into another; the strengths are what a webcam or a bad crop does.
CORRUPTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda image: image,
    "mirrored": lambda image: image[:, ::-1],
    "shifted by 3 pixels": lambda image: shift_and_rotate(image, shift=(3, 3)),
    "turned by 15°": lambda image: shift_and_rotate(image, degrees=15),
    "blurred (σ = 1 pixel)": lambda image: cv2.GaussianBlur(image, (0, 0), 1.0),
    "darkened to a third": lambda image: (image / 3).astype(np.uint8),
    "JPEG of quality 15": lambda image: compress_jpeg(image, 15),
    "eyes covered": lambda image: occlude_rows(image, slice(12, 22)),
    "mouth covered": lambda image: occlude_rows(image, slice(32, 44)),
}


def robustness_table(network: keras.Model, faces: FaceDataset) -> pd.DataFrame:
    """Measure the accuracy (share 0–1) under every corruption, and the loss beside the faces as they are."""
    accuracies = {}
    for name, corrupt in CORRUPTIONS.items():
        corrupted = faces._replace(images=np.stack([corrupt(image) for image in faces.images]))
        accuracies[name] = (predict(network, corrupted).argmax(axis=1) == faces.labels).mean()
    table = pd.DataFrame({"accuracy": accuracies})
    return table.assign(lost=table["accuracy"].iloc[0] - table["accuracy"])
