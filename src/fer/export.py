"""Export the network to ONNX and LiteRT, for other programs."""

import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from fer.environment import without_diary, writing_to
from fer.expressions import SIDE

EXPORTED_FILES = ("fer.onnx", "fer.tflite", "fer-int8.tflite")
REPRESENTATIVE = 300  # faces; TensorFlow's guide to quantisation asks for 100 to 500


def export_network(network: keras.Model, faces: np.ndarray, folder: Path) -> None:
    """Write fer.onnx and fer.tflite (float32) and fer-int8.tflite (8-bit integers).

    LiteRT has no 8-bit form of two steps of `standardise` (NEG, SQUARE): these stay float32 in fer-int8.tflite, so that
    hardware that knows integers only cannot run the whole of it.

    faces: (n, 48, 48) uint8 from the training data; what occurs while they pass sets the ranges of the 8-bit numbers.
    The first two take raw grey 0–255 as float32, the last as uint8; it answers in 256ths.
    """
    logging_before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # the converters recommend other ways of calling them, and count what they do
    try:
        with without_diary(), warnings.catch_warnings(action="ignore"):
            contents = (to_onnx(network), to_litert(network), to_litert(network, spread(faces)))
    finally:
        logging.disable(logging_before)
    write_exported(dict(zip(EXPORTED_FILES, contents, strict=True)), folder)


def to_onnx(network: keras.Model) -> bytes:
    """Return the network in ONNX; it takes any number of faces, (n, 48, 48, 1) float32."""
    import tf2onnx  # here, because the notebook installs it only for those who export

    signature = tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, name="grey_face")
    model, _ = tf2onnx.convert.from_keras(network, input_signature=[signature])
    return model.SerializeToString()


def to_litert(network: keras.Model, faces: np.ndarray | None = None) -> bytes:
    """Return the network in LiteRT's format, for one face (1, 48, 48, 1) at a time; in 8 bits if `faces` are given."""
    signature = tf.TensorSpec((1, SIDE, SIDE, 1), tf.float32, name="grey_face")
    with tempfile.TemporaryDirectory() as folder:
        # By way of a SavedModel, because what `from_keras_model` makes cannot be quantised: it loses the variables.
        network.export(folder, verbose=False, input_signature=[signature])
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if faces is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: one_by_one(faces)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.uint8
        return converter.convert()


def spread(faces: np.ndarray) -> np.ndarray:
    """Return at most REPRESENTATIVE of the (n, 48, 48) faces, evenly spread; the first has a black and a white pixel.

    These two make the range of the input 0–255, so that its 8-bit numbers are the grey values themselves.
    """
    chosen = faces[np.linspace(0, len(faces) - 1, min(len(faces), REPRESENTATIVE)).astype(int)].copy()
    chosen[0, 0, :2] = 0, 255
    return chosen


def one_by_one(faces: np.ndarray) -> Iterator[list[np.ndarray]]:
    """Yield (n, 48, 48) faces as the converter wants them: lists of one (1, 48, 48, 1) float32 array."""
    for face in faces:
        yield [face.reshape(1, SIDE, SIDE, 1).astype(np.float32)]


def write_exported(contents: dict[str, bytes], folder: Path) -> None:
    """Write files, each beside its place and then renamed: who is cut off here leaves the former files whole."""
    with writing_to(folder):
        for name, content in contents.items():
            unfinished = folder / f"unfinished.{name}"
            unfinished.write_bytes(content)
            unfinished.replace(folder / name)
