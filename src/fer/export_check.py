"""Check the exported networks against Keras."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.metrics import accuracy_score

from fer.environment import without_diary
from fer.export import EXPORTED_FILES
from fer.expressions import SIDE

MOST_CHECKED = 1000  # faces; each passes every network by itself
ROUND = 25  # faces that a network names before the next has its turn


def check_exported(network: keras.Model, folder: Path, faces: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Compare the files of `export_network` with Keras: one row each, Keras first.

    faces: (n, 48, 48) uint8, labels: (n,) int; at most MOST_CHECKED, evenly spread, are used, one at a time, as a
    webcam brings them. The networks take turns, so that a busy moment of the computer hits all of them. Columns: the
    largest difference of a probability (0–1), percentage points of accuracy lost, kilobytes, and the median of
    milliseconds a face.
    """
    chosen = np.linspace(0, len(faces) - 1, min(len(faces), MOST_CHECKED)).astype(int)
    faces, labels = faces[chosen].reshape(-1, 1, SIDE, SIDE, 1), labels[chosen]
    with without_diary():
        classifiers = {"Keras": compiled_keras(network)}
        classifiers |= {name: open_exported(folder / name) for name in EXPORTED_FILES}
        answers, milliseconds = take_turns(classifiers, faces)
    accuracy = {name: accuracy_score(labels, answer.argmax(axis=1)) for name, answer in answers.items()}
    rows = {
        name: {
            "largest difference": abs(answers[name] - answers["Keras"]).max(),
            "points lost": 100 * (accuracy["Keras"] - accuracy[name]),
            "KB": (folder / ("fer.h5" if name == "Keras" else name)).stat().st_size / 1000,
            "ms a face": np.median(milliseconds[name]),
        }
        for name in classifiers
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def take_turns(classifiers: dict[str, Callable], faces: np.ndarray) -> tuple[dict, dict]:
    """Let each classifier name all faces, in turns; returns (n, classes) answers and (n,) milliseconds of each."""
    for classify in classifiers.values():
        classify(faces[0])  # the first call takes longer: it prepares
    answers: dict[str, list] = {name: [] for name in classifiers}
    milliseconds: dict[str, list] = {name: [] for name in classifiers}
    for start in range(0, len(faces), ROUND):
        for name, classify in classifiers.items():
            for face in faces[start : start + ROUND]:
                begin = perf_counter()
                answers[name].append(classify(face))
                milliseconds[name].append(1000 * (perf_counter() - begin))
    return {name: np.concatenate(answer) for name, answer in answers.items()}, milliseconds


def compiled_keras(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from a (1, 48, 48, 1) uint8 face to (1, classes) probabilities, as the other notebooks use."""
    signature = tf.TensorSpec((None, SIDE, SIDE, 1), tf.uint8)
    forward = tf.function(lambda face: network(tf.cast(face, tf.float32), training=False), input_signature=[signature])
    return lambda face: forward(tf.constant(face)).numpy()


def open_exported(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return such a function for an exported file."""
    return open_onnx(path) if path.suffix == ".onnx" else open_litert(path)


def open_onnx(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return such a function for fer.onnx, which also takes more faces at once."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    return lambda faces: session.run(None, {"grey_face": faces.astype(np.float32)})[0]


def open_litert(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Return such a function for fer.tflite or fer-int8.tflite."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]

    def classify(face: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(takes["index"], face.astype(takes["dtype"]))
        interpreter.invoke()
        answer = interpreter.get_tensor(gives["index"])
        return answer / np.float32(256) if answer.dtype == np.uint8 else answer

    return classify
