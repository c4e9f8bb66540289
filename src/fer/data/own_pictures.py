"""Read the user's own pictures: a folder, or an archive, with one sub-folder for each class."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from fer.data.dataset import FaceDataset, complete_splits
from fer.data.layout import find_expression, find_split, place_files
from fer.data.splits import find_conflicting_labels
from fer.expressions import EXPRESSIONS, SIDE, clean_class_name
from fer.faces.detection import crop_and_resize, crop_faces, detect_faces, detect_thorough, is_camera_frame
from fer.media.archives import list_files
from fer.media.collections import PictureFile
from fer.media.pictures import decode_image, to_grey
from fer.notebook.errors import UserError
from fer.notebook.paths import to_printable
from fer.notebook.progress import progress

MIN_PER_CLASS = 8  # different pictures
LAYOUT = "Make one folder with a sub-folder for each class, named as the class, with its pictures in it"


def read_own_pictures(source: Path, whole_picture: bool) -> tuple[FaceDataset, list[str]]:
    """Read pictures of any size and kind, whose folders name their classes, as grey faces of 48×48.

    whole_picture: take each as it is; otherwise the largest face in it, cropped as for recognition. Returns the faces
    and one line for each file left out. Splits that folders name are kept, as those of FER-2013; what else is taken
    from them is printed. Raises UserError where there is nothing to read, fewer than two classes, or fewer than eight
    different pictures of one.
    """
    try:
        files, problems = list_files(source)
        if [file.path for file in files] == [source]:
            raise UserError("It is neither a folder nor an archive.")
    except UserError as problem:
        raise UserError(
            f"PICTURES is {to_printable(source.name)[:99]!r}. {problem} {LAYOUT}, or a zip of it."
        ) from None
    places = place_files([file.name for file in files])
    try:
        class_of = name_classes([place.label for place in places if place.label])
    except UserError as problem:
        raise UserError(" ".join([str(problem), *problems[:3]])) from None
    images, read = [], []
    for file, place in progress(
        list(zip(files, places, strict=True)), f"Reading {to_printable(source.name)}", unit="pictures"
    ):
        if not place.label:
            problems.append(f"{file.name} is in no class's folder.")
            continue
        try:
            images.append(read_face(file, whole_picture))
            read.append((file.name, class_of[place.label], place))
        except UserError as problem:
            problems.append(str(problem))
    names = set(class_of.values())
    classes = EXPRESSIONS if names == set(EXPRESSIONS) else tuple(sorted(names))
    check_class_sizes(classes, [name for _, name, _ in read], images, problems)
    images, labels = np.stack(images), np.array([classes.index(name) for _, name, _ in read])
    given = np.array([place.split for _, _, place in read])
    if any(given):
        print("The folders name splits: these are kept.")
    splits = complete_splits(images, given, np.array([place.group for _, _, place in read]))
    faces = FaceDataset(images, labels, splits, classes)
    conflicting = np.flatnonzero(find_conflicting_labels(faces))
    return faces, problems + [f"{read[position][0]} is in another class's folder, too." for position in conflicting]


def name_classes(folders: list[str]) -> dict[str, str]:
    """Return the class that each folder stands for, and print what is not just its name.

    Names that differ in their capitals, or that name the same expression, are one class. Raises UserError for fewer
    than two classes, and where the folders are those of a split instead.
    """
    spellings = defaultdict(Counter)
    for folder in folders:
        name = clean_class_name(folder)
        spellings[find_expression(name) or name.casefold()][folder] += 1
    class_of = {}
    for key, counts in spellings.items():
        name = key if find_expression(key) else clean_class_name(counts.most_common(1)[0][0])
        class_of |= dict.fromkeys(counts, name)
        if any(clean_class_name(folder) != name for folder in counts):
            print(f"Pictures in folders called {', '.join(sorted(counts))} are of the class {name}.")
    names = sorted(set(class_of.values()))
    if names and all(map(find_split, names)):
        raise UserError(
            f"The folders are called {', '.join(names)}, which are no classes. {LAYOUT}, also within these."
        )
    if len(names) < 2:
        found = f"here is {names[0]!r} alone" if names else "no folder here names one"
        raise UserError(f"A network needs at least two classes to choose from; {found}. {LAYOUT}.")
    return class_of


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
