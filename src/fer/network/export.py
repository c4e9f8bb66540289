"""Export the network to ONNX and LiteRT, for other programs, and check what they answer against Keras."""

import logging
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score

from fer.expressions import SIDE
from fer.network.files import MODEL_FILES
from fer.notebook.errors import UserError, writable_folder, write_whole
from fer.notebook.paths import sha256_hex
from fer.notebook.setup import suppress_stderr

EXPORTED_FILES = ("fer.onnx", "fer.tflite", "fer-int8.tflite")
REPRESENTATIVE_FACES = 300  # TensorFlow's guide to quantisation asks for 100 to 500
MAX_CHECKED_FACES = 1000  # each passes every network by itself


def export_network(network: keras.Model, faces: np.ndarray, folder: Path) -> None:
    """Write fer.onnx and fer.tflite (float32) and fer-int8.tflite (8-bit integers).

    Raises UserError where Keras does not run on TensorFlow.

    LiteRT has no 8-bit form of two steps of `standardise` (NEG, SQUARE): these stay float32 in fer-int8.tflite, so that
    hardware that knows integers only cannot run the whole of it.

    faces: (n, 48, 48) uint8 from the training data; what occurs while they pass sets the ranges of the 8-bit numbers.
    The first two take raw grey 0–255 as float32, the last as uint8; it answers in 256ths.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            f"EXPORT converts from TensorFlow, but Keras runs on {keras.backend.backend()}: choose the BACKEND"
            " tensorflow, restart the runtime and run all cells again. A finished training is only read back."
        )
    logging.disable(logging.WARNING)  # the converters recommend other ways of calling them, and count what they do
    try:
        with suppress_stderr(), warnings.catch_warnings(action="ignore"):
            contents = convert_to_onnx(network), convert_to_litert(network), convert_to_litert(network, faces)
    finally:
        logging.disable(logging.NOTSET)
    with writable_folder(folder):
        for name, content in zip(EXPORTED_FILES, contents, strict=True):
            write_whole(folder / name, content)


def convert_to_onnx(network: keras.Model) -> bytes:
    """Return the network in ONNX; it takes any number of faces, (n, 48, 48, 1) float32."""
    import tensorflow as tf
    import tf2onnx  # here, because the notebook installs it only for those who export

    signature = tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, name="grey_face")
    model, _ = tf2onnx.convert.from_keras(network, input_signature=[signature])
    return model.SerializeToString()


def convert_to_litert(network: keras.Model, faces: np.ndarray | None = None, half_weights: bool = False) -> bytes:
    """Return the network in LiteRT's format, for one face (1, 48, 48, 1) at a time.

    faces: see `export_network`; with them, it computes in 8 bits. half_weights: 16 bits for each.
    """
    import tensorflow as tf

    # As constants, because what `from_keras_model` makes cannot be quantised: it loses the variables.
    weights = [
        [variable.numpy() for variable in variables]
        for variables in (network.trainable_variables, network.non_trainable_variables)
    ]
    signature = tf.TensorSpec((1, SIDE, SIDE, 1), tf.float32, name="grey_face")
    forward = tf.function(lambda face: network.stateless_call(*weights, face, training=False)[0], [signature])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([forward.get_concrete_function()], tf.Module())
    if faces is not None or half_weights:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if half_weights:
        converter.target_spec.supported_types = [tf.float16]
    if faces is not None:
        sample = representative_sample(faces)
        converter.representative_dataset = lambda: ([face] for face in sample)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    with suppress_stderr():
        return converter.convert()


def convert_for_page(network: keras.Model, folder: Path) -> bytes:
    """Return the network in LiteRT's format, for one face, with 16-bit weights: half the size, within 0.001 as right.

    It is converted once, in some seconds, and kept beside fer.json and fer.h5, in `folder`, while these stay the same.
    """
    digest = sha256_hex(b"".join((folder / name).read_bytes() for name in MODEL_FILES))
    kept = folder / f"fer-page-{digest[:12]}.tflite"
    if kept.exists():
        return kept.read_bytes()
    content = convert_to_litert(network, half_weights=True)
    with suppress(OSError):  # without it where nobody may write to the folder
        for former in folder.glob("fer-page-*.tflite"):
            former.unlink()
        write_whole(kept, content)
    return content


def representative_sample(faces: np.ndarray) -> np.ndarray:
    """Return REPRESENTATIVE_FACES of the (n, 48, 48) faces, evenly spread, as (m, 1, 48, 48, 1) float32.

    The first gets a black and a white pixel: these two make the range of the input 0–255, so that its 8-bit numbers
    are the grey values themselves.
    """
    chosen = spread(len(faces), REPRESENTATIVE_FACES)
    sample = faces[chosen].reshape(-1, 1, SIDE, SIDE, 1).astype(np.float32)
    sample[0, 0, 0, :2, 0] = 0, 255
    return sample


def spread(count: int, most: int) -> np.ndarray:
    """Return at most so many positions among `count`, evenly spread."""
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def check_exported(network: keras.Model, folder: Path, faces: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Compare the files of `export_network` with Keras: one row each, Keras first.

    faces: (n, 48, 48) uint8, labels: (n,) int; at most MAX_CHECKED_FACES, evenly spread, are used, one at a time, as a
    webcam brings them. Columns: the largest difference of a probability (0–1), percentage points of accuracy lost,
    kilobytes, and the median of milliseconds a face.
    """
    chosen = spread(len(faces), MAX_CHECKED_FACES)
    faces, labels = faces[chosen].reshape(-1, 1, SIDE, SIDE, 1), labels[chosen]
    rows, expected = {}, None
    with suppress_stderr():
        classifiers = {"Keras": compile_keras(network)}
        classifiers |= {name: open_exported(folder / name) for name in EXPORTED_FILES}
        for name, classify in classifiers.items():
            answers, milliseconds = classify_one_by_one(classify, faces)
            expected = answers if expected is None else expected
            accuracies = [accuracy_score(labels, probabilities.argmax(axis=1)) for probabilities in (expected, answers)]
            rows[name] = {
                "largest difference": abs(answers - expected).max(),
                "points lost": 100 * (accuracies[0] - accuracies[1]),
                "KB": (folder / ("fer.h5" if name == "Keras" else name)).stat().st_size / 1000,
                "ms a face": milliseconds,
            }
    return pd.DataFrame.from_dict(rows, orient="index")


def classify_one_by_one(classify: Callable[[np.ndarray], np.ndarray], faces: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the (n, classes) probabilities of (n, 1, 48, 48, 1) faces, and the median of milliseconds a face."""
    classify(faces[0])  # the first call takes longer: it prepares
    answers, times = [], [perf_counter()]
    for face in faces:
        answers.append(classify(face))
        times.append(perf_counter())
    return np.concatenate(answers), 1000 * float(np.median(np.diff(times)))


def compile_keras(network: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from a (1, 48, 48, 1) uint8 face to (1, classes) probabilities, as the other notebooks use."""
    import tensorflow as tf

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
