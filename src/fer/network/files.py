"""Save a network as fer.json and fer.h5, and load it, or another program's, if both are whole.

Two keys of fer.json, which Keras does not look at, say what cannot be seen in a network: `classes`, the names of its
answers in their order, and `scaling`, the two values that it takes for black and white.
"""

import filecmp
import itertools
import json
import logging
import math
import shutil
import tempfile
from pathlib import Path

import h5py
import keras
import numpy as np

from fer.expressions import EXPRESSIONS, SIDE, is_valid_class_name
from fer.network.keras_2 import load_keras_2
from fer.notebook.errors import UserError, atomic_write, writable_folder
from fer.notebook.paths import sha256_hex

MODEL_FILES = ("fer.json", "fer.h5")
RAW = (0, 255)  # the scaling of all networks that are trained here
CHECKSUMS = "SHA256SUMS"  # as `sha256sum` writes it: `cd models && sha256sum --check SHA256SUMS`
WRONG_STARTS = {  # of what is no JSON or HDF5
    (b"<", b"version https://git-lfs"): "what was downloaded is a page about it or a pointer to it",
    b"PK": "it is a zip, as .keras files are; models/README.md shows how to save one as fer.h5",
}
# What Keras 3.14 and later write for every batch normalisation, although it is the default, and older ones refuse.
DEFAULTS_OF_NEWER_KERAS = [("renorm", False), ("renorm_momentum", 0.99)]


class UnusableModelError(UserError):
    """Model files that are missing, damaged or of another network; the message says what to do."""


def save_network(network: keras.Model, folder: Path, classes: tuple[str, ...] = EXPRESSIONS) -> None:
    """Write fer.json (architecture, names of the classes), fer.h5 (weights, architecture) and their checksums.

    A run cut off here leaves the former files whole. Raises UserError where the disk refuses.
    """
    with (
        writable_folder(folder),
        atomic_write(folder / CHECKSUMS) as sums,
        atomic_write(folder / "fer.json") as architecture,
        atomic_write(folder / "fer.h5") as weights,
    ):
        described = without_defaults(network.to_json()) | {"classes": classes, "scaling": RAW}
        architecture.write_text(json.dumps(described))
        logging.disable(logging.WARNING)  # Keras recommends its newer .keras format
        try:
            network.save(weights, include_optimizer=False)
        finally:
            logging.disable(logging.NOTSET)
        with h5py.File(weights, "r+") as file:
            file.attrs["model_config"] = json.dumps(without_defaults(file.attrs["model_config"]))
        hashes = (sha256_hex(path.read_bytes()) for path in (architecture, weights))
        sums.write_text("".join(f"{one}  {name}\n" for one, name in zip(hashes, MODEL_FILES, strict=True)))


def without_defaults(architecture: str) -> dict:
    """Leave out of Keras' JSON of a network what older versions of Keras 3 do not know and nobody needs.

    Each release writes all arguments of a layer, new ones too, mostly as null; an older one refuses names that it does
    not know. An argument that is left out has its default, so that Colab loads what a newer Keras has saved.
    """

    def shorten(part: dict) -> dict:
        if isinstance(part.get("config"), dict):
            for name, value in list(part["config"].items()):
                if value is None or (name, value) in DEFAULTS_OF_NEWER_KERAS:
                    del part["config"][name]
        return part

    return json.loads(architecture, object_hook=shorten)


def read_classes(folder: Path) -> tuple[str, ...]:
    """Return what the network in a folder calls its answers, in their order; raises UnusableModelError."""
    return read_description(folder)[0]


def read_description(folder: Path) -> tuple[tuple[str, ...], tuple[float, float]]:
    """Return the names of a network's answers, and the values that it takes for black and white.

    Neither is assumed: raises UnusableModelError where fer.json does not say them, or says what cannot be used.
    """
    file = folder.resolve() / "fer.json"
    described = json.loads(file.read_bytes())  # in UTF-8 or 16, with a mark or without
    missing = [key for key in ("classes", "scaling") if not isinstance(described, dict) or key not in described]
    if missing:
        raise UnusableModelError(
            f"{file} does not say {' and '.join(missing)}, without which nobody can know what the network's answers"
            ' mean. Add to it, as models/README.md shows, "classes": the names of its answers in their order, and'
            ' "scaling": the values that it takes for black and white, [0, 255] or [0, 1] for instance.'
        )
    names, scaling = described["classes"], described["scaling"]
    if not isinstance(names, list) or len(names) < 2 or not all(map(is_valid_class_name, names)):
        raise UnusableModelError(f"The names of the classes in {file} cannot be used: a list of short texts is wanted.")
    if len(set(names)) < len(names):
        raise UnusableModelError(f"Two classes in {file} have the same name.")
    is_pair = isinstance(scaling, list) and len(scaling) == 2 and scaling[0] != scaling[1]
    if not is_pair or not all(type(value) in (int, float) and math.isfinite(value) for value in scaling):
        raise UnusableModelError(f"The scaling in {file} is {str(scaling)[:50]}; two numbers are wanted, as [0, 1].")
    return tuple(names), tuple(scaling)


def back_up_network(models: Path, name: str) -> Path:
    """Copy the network in a folder to its folder <name>, or <name>-2 and so on where another is there; return that."""
    for number in itertools.count(1):
        backup = models / (name if number == 1 else f"{name}-{number}")
        if not backup.exists():
            break
        equal, _, _ = filecmp.cmpfiles(models, backup, MODEL_FILES, shallow=False)
        if len(equal) == len(MODEL_FILES):
            return backup
    unfinished = models / f"unfinished.{name}"
    with writable_folder(unfinished):
        for file in (*MODEL_FILES, CHECKSUMS):
            if (models / file).exists():
                shutil.copy(models / file, unfinished)
        unfinished.rename(backup)
    return backup


def load_network(folder: Path) -> keras.Model:
    """Load a network that Keras 2 or 3 saved as fer.json and fer.h5; raises UnusableModelError.

    It takes (n, 48, 48, 1) raw grey values 0–255, whatever it was trained on, and gives probabilities. A file with code
    in it (a Lambda layer) is refused by Keras' safe mode, which is never switched off here.
    """
    check_files(folder)
    classes, (black, white) = read_description(folder)
    try:
        network = read_keras(folder)
        problem = find_misfit(network, len(classes), (black + white) / 2)
    except Exception as error:  # Keras raises nearly anything for files that are not its own
        reason = str(error).strip().split("\n")[0][:200]
        raise UnusableModelError(
            f"The network in {folder.resolve()} cannot be loaded: {reason}. Put fer.json and fer.h5 there that were"
            " saved together, then choose Run all again."
        ) from error
    if problem:
        raise UnusableModelError(f"The network in {folder.resolve()} cannot be used: {problem}.")
    if (black, white) == RAW:
        return network
    inputs = keras.Input((SIDE, SIDE, 1))
    scaled = keras.layers.Rescaling((white - black) / 255, black)(inputs)
    return keras.Model(inputs, network(scaled), name=network.name)


def find_misfit(network: keras.Model, classes: int, grey: float) -> str:
    """Say why a network does not give probabilities of so many classes for a face, tried with a grey one; or ""."""
    shapes = network.input_shape[1:], network.output_shape[1:]
    wanted = (SIDE, SIDE, 1), (classes,)
    if shapes != wanted:
        return (
            f"it turns {shapes[0]} into {shapes[1]}, not one grey face of {wanted[0]} into the probabilities of the"
            f" {classes} classes that fer.json names"
        )
    answers = keras.ops.convert_to_numpy(network(np.full((1, SIDE, SIDE, 1), grey, np.float32)))
    if not (answers.min() >= 0 and abs(answers.sum() - 1) <= 0.01):  # so NaN is refused, too
        return f"its answers sum to {answers.sum():.3g}, not to 1 as probabilities do. End it with a softmax"
    return ""


def read_keras(folder: Path) -> keras.Model:
    """Load what Keras 2 or 3 saved, as it is; raises nearly anything."""
    described = json.loads((folder / "fer.json").read_bytes())
    if "keras_version" in described:  # which only Keras 2 writes
        return load_keras_2(described, folder / "fer.h5")
    network = keras.models.model_from_json(json.dumps(described))
    with h5py.File(folder / "fer.h5") as file, tempfile.TemporaryDirectory() as temporary:
        # Keras 3 tells by the ending in which of its two formats it saved weights, and gives one of them this.
        name = "fer.weights.h5" if "layers" in file else "fer.h5"
        network.load_weights(shutil.copy(folder / "fer.h5", Path(temporary) / name))
    if len(network.inputs) == len(network.outputs) == 1:  # where it was given a list of one, Keras warns at each use
        return keras.Model(network.inputs[0], network.outputs[0], name=network.name)
    return network


def check_files(folder: Path) -> None:
    """Raise an UnusableModelError unless both files are there, whole, and as SHA256SUMS says where there is one."""
    for name in MODEL_FILES:
        if not (folder / name).is_file():
            raise UnusableModelError(
                f"There is no {name} in {folder.resolve()}. Train a network, or put the file there; then choose Run all"
                " again."
            )
    sums = folder / CHECKSUMS
    expected = dict(reversed(line.split()) for line in sums.read_text().splitlines()) if sums.exists() else {}
    for name in MODEL_FILES:
        content = (folder / name).read_bytes()
        if not is_readable(folder / name):
            reasons = (said for start, said in WRONG_STARTS.items() if content.lstrip().startswith(start))
            reason = next(reasons, "its copy broke off, or a change to it went wrong")
            raise UnusableModelError(
                f"{name} in {folder.resolve()} cannot be read ({len(content):,} bytes): {reason}. Delete it, put it"
                " there again, wait until it is complete, and choose Run all again."
            )
        if expected.get(name, sha256_hex(content)) != sha256_hex(content):
            raise UnusableModelError(
                f"{name} in {folder.resolve()} is not the file that {CHECKSUMS} describes: damaged, or of another"
                f" network. Put {' and '.join(MODEL_FILES)} there again, or delete {CHECKSUMS} if they are your own;"
                " then choose Run all again."
            )


def is_readable(path: Path) -> bool:
    """Tell whether a file is whole JSON or, by any other name, HDF5."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        else:
            h5py.File(path).close()  # which compares its size with the one that it states
    except (OSError, ValueError):
        return False
    return True
