"""Read the user's own pictures: a folder, or a zip, with one sub-folder for each class."""

import itertools
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

import numpy as np

from fer.data.dataset import FaceDataset, choose_by_hash
from fer.data.splits import find_conflicting_labels
from fer.expressions import EXPRESSIONS, SIDE, clean_class_name
from fer.faces.detection import crop_and_resize, crop_faces, detect_faces, detect_thorough, is_camera_frame
from fer.media.collections import PictureFile, list_folder, list_zip
from fer.media.pictures import decode_image, to_grey
from fer.notebook.errors import UserError
from fer.notebook.paths import to_printable
from fer.notebook.progress import progress

VALIDATION_FRACTION = 1 / 8
MIN_PER_CLASS = 8  # different pictures
SPLIT_NAMES = {"train", "training", "test", "testing", "val", "valid", "validation"}
LAYOUT = "Make one folder with a sub-folder for each class, named as the class, with its pictures in it"


def read_own_pictures(source: Path, whole_picture: bool) -> tuple[FaceDataset, list[str]]:
    """Read pictures of any size and kind, whose folders name their classes, as grey faces of 48×48.

    whole_picture: take each as it is; otherwise the largest face in it, cropped as for recognition. Returns the faces,
    those for validation with the split PublicTest, and one line for each file left out. Raises UserError where there
    is nothing to read, fewer than two classes, or fewer than eight different pictures of one.
    """
    labelled, problems = label_by_folder(list_pictures(source))
    images, names, files = [], [], []
    for name, file in progress(labelled, f"Reading {to_printable(source.name)}", unit="pictures"):
        try:
            images.append(read_face(file, whole_picture))
            names.append(name)
            files.append(file.name)
        except UserError as problem:
            problems.append(str(problem))
        except Exception as error:  # a locked or vanished file, an encrypted zip: the others are still to come
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            problems.append(f"{file.name} cannot be read ({reason}).")
    classes = order_classes({name for name, _ in labelled})
    check_class_sizes(classes, names, images, problems)
    labels = np.array([classes.index(name) for name in names])
    is_validation = choose_by_hash(np.stack(images), VALIDATION_FRACTION, "validation")
    faces = FaceDataset(np.stack(images), labels, np.where(is_validation, "PublicTest", "Training"), classes)
    conflicting = np.flatnonzero(find_conflicting_labels(faces))
    return faces, problems + [f"{files[position]} is in another class's folder, too." for position in conflicting]


def list_pictures(source: Path) -> list[PictureFile]:
    """List the files in a folder or a zip; raises UserError where it is neither."""
    try:
        is_folder, is_zip, exists = source.is_dir(), zipfile.is_zipfile(source), source.exists()
    except (OSError, ValueError):  # no right to look there, too long a name, a zero byte
        is_folder = is_zip = exists = False
    if is_folder:
        return list_folder(source)
    if is_zip:
        return list_zip(source, to_printable(source.name))
    what = "is neither a folder nor a whole zip" if exists else f"is not there (this notebook runs in {Path.cwd()})"
    raise UserError(f"PICTURES is {to_printable(str(source))[:200]!r}, which {what}. {LAYOUT}, or a zip of it.")


def label_by_folder(files: list[PictureFile]) -> tuple[list[tuple[str, PictureFile]], list[str]]:
    """Return the files with the names of their classes, and one line for each file outside all classes' folders.

    A class is the outermost folder that is not the only one: a folder around all others, as in most zips, is none.
    Raises UserError for fewer than two classes, and where the folders are those of a split instead.
    """
    folders = {file: PurePosixPath(file.name).parts[:-1] for file in files}
    parents = common_parents([parts for parts in folders.values() if parts])
    labelled, problems = [], []
    for file, parts in folders.items():
        if len(parts) > len(parents):
            labelled.append((clean_class_name(parts[len(parents)]), file))
        else:
            problems.append(f"{file.name} is in no class's folder.")
    names = {name for name, _ in labelled}
    if names and {name.casefold() for name in names} <= SPLIT_NAMES:
        raise UserError(
            f"The folders are called {', '.join(sorted(names))}, which are no classes. {LAYOUT}; the notebook itself"
            " chooses which pictures it trains on."
        )
    if len(names) < 2:
        only = next(iter(names), parents[-1] if parents else "none")
        raise UserError(f"A network needs at least two classes to choose from; here is {only!r} alone. {LAYOUT}.")
    return labelled, problems


def common_parents(paths: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the folders with which all paths begin."""
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*paths, strict=False))
    return tuple(level[0] for level in levels)


def order_classes(names: set[str]) -> tuple[str, ...]:
    """Return the names of the classes in the alphabet's order, or the expressions', if it is these, in theirs."""
    return EXPRESSIONS if names == set(EXPRESSIONS) else tuple(sorted(names))


def read_face(file: PictureFile, whole_picture: bool) -> np.ndarray:
    """Decode a picture and return its largest face, or the whole, as (48, 48) uint8; raises UserError."""
    grey = to_grey(decode_image(file.read(), file.name))
    if whole_picture:
        return resize_whole(grey)
    boxes = detect_faces(grey)
    if len(boxes) == 0 and is_camera_frame(grey):  # it was searched fast
        boxes = detect_thorough(grey)
    if len(boxes) == 0:
        raise UserError(f"{file.name} shows no face that can be found.")
    return crop_faces(grey, boxes[:1])[0]


def resize_whole(grey: np.ndarray) -> np.ndarray:
    """Shrink a whole (height, width) uint8 picture to (48, 48); along the shorter side, its edges are repeated."""
    height, width = grey.shape
    side = max(height, width)
    return crop_and_resize(grey, ((width - side) // 2, (height - side) // 2, side, side), SIDE)


def check_class_sizes(
    classes: tuple[str, ...], names: list[str], images: list[np.ndarray], problems: list[str]
) -> None:
    """Raise UserError where fewer than eight different pictures of a class could be read."""
    different = {(name, image.tobytes()) for name, image in zip(names, images, strict=True)}
    found = Counter(name for name, _ in different)
    few = [f"{name}: {found[name]}" for name in classes if found[name] < MIN_PER_CLASS]
    if few:
        reasons = "\n  ".join([" Left out were, among others:", *problems[:5]]) if problems else ""
        raise UserError(
            f"Too few different pictures can be used of {', '.join(few)}; at least {MIN_PER_CLASS} of each class are"
            f" needed, and a hundred are better. Add more; where no face is found, WHOLE_PICTURE helps.{reasons}"
        )
