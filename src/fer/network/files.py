"""Save a network as fer.json and fer.h5, and load it back if both are whole.

The names of its classes, where they are not the five expressions, are in fer.json: its key `classes`, which Keras
does not look at.
"""

import filecmp
import hashlib
import itertools
import json
import logging
import shutil
from pathlib import Path

import h5py
import keras

from fer.expressions import EXPRESSIONS, SIDE, is_valid_class_name
from fer.notebook.errors import UserError, writable_folder

MODEL_FILES = ("fer.json", "fer.h5")
CHECKSUMS = "SHA256SUMS"  # as `sha256sum` writes it: `cd models && sha256sum --check SHA256SUMS`
# What Keras 3.14 and later write for every batch normalisation, although it is the default, and older ones refuse.
DEFAULTS_OF_NEWER_KERAS = [("renorm", False), ("renorm_momentum", 0.99)]


class UnusableModelError(UserError):
    """Model files that are missing, damaged or of another network; the message says what to do."""


def save_network(network: keras.Model, folder: Path, classes: tuple[str, ...] = EXPRESSIONS) -> None:
    """Write fer.json (architecture, names of the classes), fer.h5 (weights, architecture) and their checksums.

    Each is written beside and then renamed, so that a run cut off here leaves the former files whole. Raises UserError
    where the disk refuses.
    """
    with writable_folder(folder):
        unfinished = {name: folder / f"unfinished.{name}" for name in MODEL_FILES}
        unfinished["fer.json"].write_text(add_class_names(portable_json(network.to_json()), classes))
        logging.disable(logging.WARNING)  # Keras recommends its newer .keras format
        try:
            network.save(unfinished["fer.h5"], include_optimizer=False)
        finally:
            logging.disable(logging.NOTSET)
        with h5py.File(unfinished["fer.h5"], "r+") as file:
            file.attrs["model_config"] = portable_json(file.attrs["model_config"])
        sums = "".join(f"{checksum(path)}  {name}\n" for name, path in unfinished.items())
        for name, path in unfinished.items():
            path.replace(folder / name)
        (folder / CHECKSUMS).write_text(sums)


def portable_json(architecture: str) -> str:
    """Leave out of Keras' description of a network what older versions of Keras 3 do not know and nobody needs.

    Each release writes all arguments of a layer, new ones too, mostly as null; an older one refuses names that it does
    not know. An argument that is left out has its default, so that Colab loads what a newer Keras has saved.
    """

    def without_defaults(value: object, are_arguments: bool = False) -> object:
        if isinstance(value, list):
            return [without_defaults(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: without_defaults(item, are_arguments=key == "config")
            for key, item in value.items()
            if not (are_arguments and (item is None or (key, item) in DEFAULTS_OF_NEWER_KERAS))
        }

    return json.dumps(without_defaults(json.loads(architecture)))


def add_class_names(architecture: str, classes: tuple[str, ...]) -> str:
    """Add the names of the classes to the text of a network; the five expressions go without saying."""
    return architecture if classes == EXPRESSIONS else json.dumps(json.loads(architecture) | {"classes": classes})


def read_classes(folder: Path) -> tuple[str, ...]:
    """Return what the network in a folder calls its answers, in their order; raises UnusableModelError."""
    described = json.loads((folder / "fer.json").read_text())
    names = described.get("classes", EXPRESSIONS) if isinstance(described, dict) else None
    if not isinstance(names, list | tuple) or len(names) < 2 or not all(map(is_valid_class_name, names)):
        raise UnusableModelError(f"The names of the classes in {folder.resolve() / 'fer.json'} cannot be used.")
    if len(set(names)) < len(names):
        raise UnusableModelError(f"Two classes in {folder.resolve() / 'fer.json'} have the same name.")
    return tuple(names)


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
    """Load what `save_network` wrote; raises UnusableModelError.

    A file with code in it (a Lambda layer) is refused by Keras' safe mode, which is never switched off here.
    """
    check_files(folder)
    try:
        network = keras.models.model_from_json((folder / "fer.json").read_text())
        network.load_weights(folder / "fer.h5")
        shapes = network.input_shape[1:], network.output_shape[1:]
        wanted = (SIDE, SIDE, 1), (len(read_classes(folder)),)
        if shapes != wanted:
            raise ValueError(f"it turns {shapes[0]} into {shapes[1]}, not {wanted[0]} into {wanted[1]}")
    except Exception as error:  # Keras raises nearly anything for files that are not its own
        reason = str(error).strip().split("\n")[0][:200]
        raise UnusableModelError(
            f"The network in {folder.resolve()} cannot be loaded: {reason}. Put fer.json and fer.h5 there that were"
            " saved together, then choose Run all again."
        ) from error
    return network


def check_files(folder: Path) -> None:
    """Raise an UnusableModelError unless both files are there, whole, and as SHA256SUMS says where there is one."""
    for name in MODEL_FILES:
        if not (folder / name).is_file():
            raise UnusableModelError(
                f"There is no {name} in {folder.resolve()}. Train a network, or put the file there; then choose Run all"
                " again."
            )
    for name in MODEL_FILES:
        if not is_readable(folder / name):
            size = (folder / name).stat().st_size
            raise UnusableModelError(
                f"{name} in {folder.resolve()} is not whole ({size:,} bytes): its upload or download broke off. Delete"
                " it, put it there again, wait until it is complete, and choose Run all again."
            )
    sums = folder / CHECKSUMS
    expected = dict(reversed(line.split()) for line in sums.read_text().splitlines()) if sums.exists() else {}
    for name in MODEL_FILES:
        if name in expected and checksum(folder / name) != expected[name]:
            raise UnusableModelError(
                f"{name} in {folder.resolve()} is not the file that {CHECKSUMS} describes: damaged, or of another"
                f" network. Put {' and '.join(MODEL_FILES)} there again, or delete {CHECKSUMS} if they are your own;"
                " then choose Run all again."
            )


def is_readable(path: Path) -> bool:
    """Tell whether a file is whole JSON or, by any other name, HDF5."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
        else:
            h5py.File(path).close()  # which compares its size with the one that it states
    except (OSError, ValueError):
        return False
    return True


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
