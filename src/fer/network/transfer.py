"""Transfer learning: start from a network that knows faces already, and teach it other classes."""

from pathlib import Path

import keras

from fer.expressions import EXPRESSIONS
from fer.network.files import RAW, load_network, read_description
from fer.notebook.errors import UserError
from fer.notebook.paths import sha256_hex
from fer.notebook.repository import fetch_models, missing_files


def find_pretrained(models: Path, repository: str) -> Path:
    """Return the folder of a network for the five expressions: here, or in a clone of the repository.

    models: where networks are saved; `models/expressions` has what a network for other classes made room for. Raises
    UserError where it is nowhere.
    """
    folders = [models / "expressions", models, Path("models/expressions"), Path("models"), Path()]
    for folder in folders:
        if is_expression_network(folder):
            return folder
    fetched = fetch_models(repository)
    if fetched and is_expression_network(fetched):
        return fetched
    raise UserError(
        f"The network to start from is not in {models.absolute()}, nor could it be fetched from {repository}. Put its"
        " fer.json and fer.h5 there, or set START_FROM to scratch."
    )


def is_expression_network(folder: Path) -> bool:
    """Tell whether a folder holds a network that names the five expressions of raw grey values."""
    try:
        return not missing_files(folder) and read_description(folder) == (EXPRESSIONS, RAW)
    except ValueError:  # no JSON, or of names that cannot be used
        return False


def build_from_pretrained(folder: Path, classes: int) -> keras.Model:
    """Load a network and give it a new last layer, for so many classes; all others start with its weights.

    Its name tells from which weights it starts, so that a training is continued only from the same. Raises
    UnusableModelError.
    """
    pretrained = load_network(folder)
    for layer in pretrained.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            # It keeps the statistics of many thousand faces: those of a few small batches lag behind and mislead.
            layer.trainable = False
    weights = b"".join(array.tobytes() for array in pretrained.get_weights())
    last = next(layer for layer in reversed(pretrained.layers) if layer.weights)  # a softmax may follow as a layer
    outputs = keras.layers.Dense(classes, activation="softmax", name=last.name, dtype="float32")(last.input)
    return keras.Model(pretrained.input, outputs, name=f"fine-tuned-{sha256_hex(weights)[:8]}")
