"""Set up the packages that the notebook runs with, in Colab, JupyterLab or a plain kernel."""

import importlib
import importlib.util
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from fer.notebook.errors import UserError

os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")  # a bad picture is reported in our own words
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # and so is a bad video
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow's warnings, but not what it tells of its own working
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # TensorFlow leaves it off on AMD processors; measured there: 2.5×

# TensorFlow takes a network after another in one process for the same one, traced again and again, and warns of it.
logging.getLogger("tensorflow").addFilter(lambda record: record.levelno >= logging.ERROR)

OPENCV = "opencv-python-headless==4.14.0.94"  # the last OpenCV with Haar cascades in its main wheels
EXPORTERS = {"tf2onnx": "tf2onnx", "onnxruntime": "onnxruntime", "ai_edge_litert": "ai-edge-litert"}  # module: package


def prepare_opencv() -> None:
    """See to an OpenCV with Haar cascades; version 5 took them out of its main packages.

    Raises UserError where pip fails, and where only a restart of the runtime helps.
    """
    # Asked in a child process: a module that is once imported cannot be exchanged in this one.
    check = "import cv2, os; assert os.path.isdir(cv2.data.haarcascades); cv2.CascadeClassifier"
    if subprocess.run([sys.executable, "-c", check], capture_output=True).returncode == 0:
        return
    print(f"The installed OpenCV has no Haar cascades: installing {OPENCV} …")
    pip_install("--no-deps", "--force-reinstall", OPENCV)  # --no-deps: numpy and the rest stay as they are
    if "cv2" in sys.modules:
        raise UserError("OpenCV was exchanged. Restart the runtime (Runtime → Restart) and run all cells again.")


def prepare_exporters() -> None:
    """See to the packages that write and run ONNX and LiteRT; raises UserError where pip fails."""
    missing = [package for module, package in EXPORTERS.items() if importlib.util.find_spec(module) is None]
    if missing:
        print(f"Installing {', '.join(missing)} …")
        pip_install(*missing)


def pip_install(*options_and_packages: str) -> None:
    """Let pip install packages into this environment; raises UserError with pip's last words."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", *options_and_packages]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        packages = ", ".join(part for part in options_and_packages if not part.startswith("-"))
        reason = result.stderr.strip()[-300:]
        raise UserError(f"pip could not install {packages}. Is there a network connection? pip said: {reason}")
    importlib.invalidate_caches()


@contextmanager
def suppress_stderr() -> Iterator[None]:
    """Close the process' standard error meanwhile; libraries write screens of remarks there, past Python.

    Real errors are exceptions, which pass.
    """
    visible, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(visible, 2)
        os.close(visible)
        os.close(nowhere)


def start_tensorflow() -> None:
    """Import TensorFlow, which takes some seconds, and say what it computes on."""
    with suppress_stderr():  # of the devices that it looks for
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        tf.constant(0)  # the first tensor makes it look at its devices
    print(f"TensorFlow {tf.__version__} on {f'{len(gpus)} GPU' if gpus else f'{os.cpu_count()} CPU cores'}.")


def start_keras(backend: str = "") -> None:
    """Import Keras on a backend ("tensorflow", "jax", "torch"), and say which.

    Without one: what KERAS_BACKEND says, else TensorFlow, else what is installed (Colab's TPU runtimes have JAX alone).
    Several machines train together where Keras' KERAS_DISTRIBUTION_… variables name them (on JAX).
    Raises UserError where it is not installed, or where Keras runs on another already.
    """
    wanted = backend or os.environ.get("KERAS_BACKEND", "")
    candidates = (wanted,) if wanted else ("tensorflow", "jax", "torch")
    chosen = next(filter(importlib.util.find_spec, candidates), None)
    if chosen is None:
        raise UserError(f"The backend {wanted or 'for Keras'} is not installed. Choose another BACKEND.")
    os.environ["KERAS_BACKEND"] = chosen
    with suppress_stderr():  # of the devices that it looks for
        import keras

        if "KERAS_DISTRIBUTION_JOB_ADDRESSES" in os.environ:
            keras.distribution.initialize()
        keras.ops.zeros(1)  # the first tensor makes it look at its devices
        keras.utils.set_random_seed(0)  # imports TensorFlow where there is one, whatever the backend
    if keras.backend.backend() != chosen:
        raise UserError(f"Keras runs on {keras.backend.backend()} already: restart the runtime to use {chosen}.")
    print(f"Keras {keras.__version__} on {chosen}.")
