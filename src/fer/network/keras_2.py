"""Load a network that Keras 2 saved, whose JSON Keras 3 does not read by itself."""

import json
import tempfile
from pathlib import Path

import h5py
import keras

NEW_IN_KERAS_2 = ("module", "registered_name", "build_config")  # since 2.12; Keras 3 takes them for its own
ONLY_FOR_TRAINING = ("_initializer", "_regularizer", "_constraint")


def load_keras_2(described: dict, weights: Path) -> keras.Model:
    """Load a network that Keras 2 described in JSON and whose weights, or which as a whole, it saved as HDF5.

    Keras 3 reads Keras 2's architecture out of the file with the weights, so both are put into one. Raises nearly
    anything.
    """
    with tempfile.TemporaryDirectory() as folder:
        with h5py.File(Path(folder) / "fer.h5", "w") as whole, h5py.File(weights) as file:
            file.copy(file.get("model_weights", file["/"]), whole, "model_weights")
            whole.attrs["model_config"] = json.dumps(as_oldest_keras_2(described))
        network = keras.models.load_model(Path(folder) / "fer.h5", compile=False)
    return keras.Model(network.inputs[0], network.outputs[0], name=network.name)  # Keras 2 gave it a list of inputs


def as_oldest_keras_2(described: dict) -> dict:
    """Bring Keras 2's JSON to the form of its first releases, without what matters in training alone.

    Raises ValueError for a Lambda layer: until 3.11, Keras' safe mode did not extend to files read in this way.
    """

    def simplify(part: dict) -> dict:
        if part.get("class_name") == "Lambda":
            raise ValueError("it has a `Lambda` layer, which is code")
        for key, value in list(part.items()):
            if key in NEW_IN_KERAS_2 or key.endswith(ONLY_FOR_TRAINING) or (key, value) == ("groups", 1):
                del part[key]
        if part.get("class_name") == "Sequential":
            config = part["config"]
            layers = config if isinstance(config, list) else config["layers"]  # the former before 2.2.3
            shapes = [layer["config"].pop("batch_input_shape", None) for layer in layers]
            inputs = {"class_name": "InputLayer", "config": {"batch_input_shape": shapes[0]}}
            layers = [inputs, *(layer for layer in layers if layer["class_name"] != "InputLayer")]
            part["config"] = {"name": "sequential", "layers": layers}
        return part

    return json.loads(json.dumps(described), object_hook=simplify)
