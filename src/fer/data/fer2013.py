"""Read FER-2013 in any of the forms in which it is passed around, reduced to five expressions, and write it as one CSV.

Forms: folders of pictures (`train/happy/Training_123.jpg`, `images/validation/surprised/7.png`, …), a table (the
classic `fer2013.csv`, `icml_face_data.csv`, CK+ extended, …), and archives of them. Ours is a CSV with the header
`emotion,pixels,Usage`: the name of the expression, 2304 grey values 0–255 in row order, and the split.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fer.data.dataset import SPLITS, FaceDataset, complete_splits
from fer.data.layout import find_expression, find_split, folders_of
from fer.data.pixels import format_pixels, parse_pixels, read_face_file
from fer.data.tables import (
    NO_MAJORITY,
    NUMBERED,
    TABLE_ENDING,
    check_numbering,
    is_face_table,
    is_vote_table,
    name_expression,
    read_faces,
    read_votes,
    split_of_table,
    to_number,
)
from fer.expressions import EXPRESSIONS
from fer.media.archives import list_files
from fer.media.collections import PictureFile
from fer.notebook.errors import UserError, atomic_write, writable_folder
from fer.notebook.progress import progress

DROPPED_EXPRESSIONS = ("disgust", "fear", "contempt", NO_MAJORITY)
PUBLISHED_COUNTS = {"Training": 24_176, "PublicTest": 3_037, "PrivateTest": 3_006}  # of the five expressions
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".pgm", ".webp")
OTHER_FORMATS = {  # by what opens them
    "numpy.load": (".npy", ".npz"),
    "pandas.read_parquet": (".parquet",),
    "pandas.read_excel": (".xlsx",),
    "pandas.read_json": (".json",),
    "pandas.read_pickle (only if you trust it: it can run code)": (".pkl", ".pickle"),
    "h5py.File": (".h5", ".hdf5"),
    "scipy.io.loadmat": (".mat",),
    "tensorflow.data.TFRecordDataset": (".tfrecord",),
}
VOTES = "fer2013new.csv"
MAX_BAD_FRACTION = 0.01


class Record(NamedTuple):
    """One picture before it is decoded, and where it stands (row number or file name)."""

    location: str
    expression: str
    split: str
    decode: Callable[[], np.ndarray]  # gives (48, 48) uint8; raises UserError


def read_fer2013(source: Path, fer_plus: bool = False) -> tuple[FaceDataset, list[str]]:
    """Read FER-2013, or a dataset in one of its forms, from a folder, an archive or a table.

    fer_plus: label the pictures as the table of votes of FER+ does that lies beside the table of faces. Returns the
    faces of the five expressions, and one line for each bad row or file; these are left out. Prints what was chosen.
    Raises UserError when there is nothing to read or more than 1 % of it is bad.
    """
    files, problems = list_files(source)
    if source.is_file() and (source.parent / VOTES).is_file():
        files += list_files(source.parent / VOTES)[0]
    tables = [file for file in files if TABLE_ENDING.search(file.name)]
    votes = next(filter(is_vote_table, tables), None)
    face_tables = choose_tables([file for file in tables if is_face_table(file)])
    pictures = [file for file in files if file.name.lower().endswith(PICTURE_ENDINGS)]
    if not face_tables and not pictures:
        face_tables = tables[:1]  # whose reading says what it lacks
    if face_tables:
        rows = [row for table in face_tables for row in read_faces(table)]
        records = [Record(*row[:3], partial(parse_pixels, row[3])) for row in rows]
        if votes:
            records = label_by_votes(records, votes, fer_plus)
    else:
        records = picture_records(pictures)
    if fer_plus and not (votes and face_tables):
        raise UserError(f"FER_PLUS needs the whole fer2013.csv in the field FER2013, and {VOTES} beside it.")
    if not records:
        raise UserError(describe_other_formats(files, source))
    faces, bad = decode_records(records, source)
    return faces, problems + bad


def choose_tables(tables: list[PictureFile]) -> list[PictureFile]:
    """Return the largest of the tables of faces, or all that are named after splits; print which are left out."""
    named = [file for file in tables if split_of_table(file)]
    chosen = named if len(named) > 1 else sorted(tables, key=lambda file: file.size)[-1:]
    others = [file.name for file in tables if file not in chosen]
    if others:
        print(f"{', '.join(file.name for file in chosen)} read; {', '.join(others)} left out.")
    return chosen


def label_by_votes(records: list[Record], votes: PictureFile, fer_plus: bool) -> list[Record]:
    """Return the pictures as FER+ labels them, row by row, if that is asked for; else print that it is possible."""
    if not fer_plus:
        print(f"Beside it is {votes.name}, with FER+'s labels by ten people: tick FER_PLUS to train on these.")
        return records
    labels = read_votes(votes)
    if len(labels) != len(records):
        raise UserError(
            f"{votes.name} has {len(labels):,} rows, the table of faces {len(records):,}: they do not match."
        )
    changed = sum(label != record.expression for record, label in zip(records, labels, strict=True))
    print(f"Labelled as in {votes.name}: {changed:,} of {len(records):,} labels differ; ties are left out.")
    return [record._replace(expression=label) for record, label in zip(records, labels, strict=True)]


def picture_records(files: list[PictureFile]) -> list[Record]:
    """List pictures in order of their names; their folders, and FER-2013's own file names, say what they show."""
    records = []
    for file in sorted(files, key=lambda file: file.name):
        folders, name = folders_of(file.name), file.name.split("/")[-1]
        words = [folder for folder in folders if find_expression(folder)]
        label = (words or folders or ("",))[-1]
        split = name.partition("_")[0]
        split = split if split in SPLITS else next(filter(None, map(find_split, folders)), "")
        records.append(Record(file.name, label, split, partial(read_face_file, file)))
    check_numbering([record.expression for record in records], "The folders")
    if any(to_number(record.expression) is not None for record in records):
        numbers = ", ".join(f"{number} {name}" for number, name in enumerate(NUMBERED[:7]))
        print(f"The folders' numbers are taken for FER-2013's: {numbers}.")
    return [record._replace(expression=name_expression(record.expression)) for record in records]


def describe_other_formats(files: list[PictureFile], source: Path) -> str:
    """Say what to do with a source that holds neither pictures nor a table."""
    names = [*(file.name for file in files), source.name]  # some of these are zips themselves
    for opener, endings in OTHER_FORMATS.items():
        name = next((name for name in names if name.lower().endswith(endings)), None)
        if name:
            return (
                f"{name} is not read here. Open it with {opener}, and write a CSV of it: emotion (names), pixels (2304"
                " grey values, separated by spaces) and Usage."
            )
    return f"{source} holds no picture of {', '.join(EXPRESSIONS)}, and no table of them. Is it FER-2013?"


def decode_records(records: list[Record], source: Path) -> tuple[FaceDataset, list[str]]:
    """Decode the pictures of the five expressions; see `read_fer2013`."""
    images, labels, splits, problems, dropped = [], [], [], [], Counter()
    for record in progress(records, f"Reading {source.name}", unit="pictures"):
        if record.expression in DROPPED_EXPRESSIONS:
            dropped[record.expression] += 1
            continue
        try:
            if record.expression not in EXPRESSIONS:
                raise UserError(f"unknown expression {record.expression[:20]!r}")
            image = record.decode()
            if record.split not in ("", "test", *SPLITS):
                raise UserError(f"unknown split {record.split[:20]!r}, expected one of {', '.join(SPLITS)}")
        except UserError as problem:
            problems.append(f"{record.location}: {str(problem).removeprefix(f'{record.location} ')}")
            continue
        images.append(image)
        labels.append(EXPRESSIONS.index(record.expression))
        splits.append(record.split)
    if dropped:
        print(f"Left out: {', '.join(f'{count:,} of {name}' for name, count in dropped.items())}.")
    if len(problems) > MAX_BAD_FRACTION * len(records):
        some = "\n  ".join(problems[:5])
        raise UserError(
            f"{len(problems)} of {len(records)} pictures in {source} are bad, more than 1 %:\n  {some}\nFolders, or the"
            " column emotion, have to name expressions. The field PICTURES takes other classes and sizes."
        )
    if not images:
        raise UserError(f"{source} holds no picture of {', '.join(EXPRESSIONS)}. Is it FER-2013?")
    images, splits = np.stack(images), np.array(splits)
    splits = complete_splits(images, splits, np.full(len(splits), ""))
    return FaceDataset(images, np.array(labels), splits), problems


def write_csv(faces: FaceDataset, target: Path) -> None:
    """Write the CSV of the five expressions, whole or not at all."""
    with writable_folder(target.parent), atomic_write(target) as path, path.open("w", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        rows = zip(faces.images, faces.labels, faces.splits, strict=True)
        for image, label, split in progress(rows, f"Writing {target.name}", len(faces.labels), "pictures"):
            file.write(f"{EXPRESSIONS[label]},{format_pixels(image)},{split}\n")


def check_complete(faces: FaceDataset) -> None:
    """Say whether pictures of FER-2013 are missing; raises UserError where a split is empty that is needed."""
    for split in ("Training", "PublicTest"):
        if split not in faces.splits:
            raise UserError(f"There is no picture of {split}. Is the download whole? Get it again.")
    known = sum(count for split, count in PUBLISHED_COUNTS.items() if split in faces.splits)
    if len(faces.labels) < known:
        print(f"There are {len(faces.labels):,} of FER-2013's {known:,} pictures. Is the download whole?")
