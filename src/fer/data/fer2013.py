"""Read FER-2013 in any of its published forms, reduced to five expressions, and write it as one CSV.

Published forms: the Kaggle folder (`train/happy/Training_123.jpg`, …), a zip of that folder, and the
classic `fer2013.csv` or `icml_face_data.csv`, zipped or not. Ours is a CSV with the header
`emotion,pixels,Usage`: the name of the expression, 2304 grey values 0–255 in row order, and the split.
"""

import io
import warnings
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import cv2
import numpy as np

from fer.data.dataset import SPLITS, FaceDataset
from fer.expressions import EXPRESSIONS, SIDE
from fer.notebook.errors import UserError, atomic_write, writable_folder
from fer.notebook.progress import progress

DROPPED_EXPRESSIONS = ("disgust", "fear")
CLASSIC_LABELS = dict(zip("0123456", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"), strict=True))
CLASSIC_TABLES = ("fer2013.csv", "icml_face_data.csv")
PUBLISHED_COUNTS = {"Training": 24_176, "PublicTest": 3_037, "PrivateTest": 3_006}  # of the five expressions
MAX_IMAGE_BYTES = 1_000_000  # a real one has about 1,600
MAX_BAD_FRACTION = 0.01
DAMAGED_FILE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError)  # the last of an encrypted one
# Every grey value as four bytes, "7 \\0\\0" for 7: one look-up writes a whole picture, six times as fast as str() does.
GREY_TEXTS = np.array([f"{value} ".encode() for value in range(256)], dtype="S4").view(np.uint32)


class Record(NamedTuple):
    """One picture before it is decoded, and where it stands (row number or file name)."""

    location: str
    expression: str
    split: str
    decode: Callable[[], np.ndarray]  # gives (48, 48) uint8; raises BadPictureError or one of DAMAGED_FILE


class BadPictureError(ValueError):
    """A row or a file that is no FER-2013 picture; the message says why."""


def read_fer2013(source: Path) -> tuple[FaceDataset, list[str]]:
    """Read FER-2013 in any of its published forms, or our own CSV.

    Returns the faces of the five expressions, and one line for each bad row or file; these are left out.
    Raises UserError when there is nothing to read or more than 1 % of it is bad.
    """
    if not source.exists():
        raise UserError(f"There is no file or folder {source}. Check the spelling and where you run from.")
    if source.is_dir():
        files = {path.relative_to(source).as_posix(): path for path in source.rglob("*")}
        tables = [path for name, path in files.items() if name.endswith(CLASSIC_TABLES)]
        if tables:
            return read_fer2013(tables[0])
        return decode_records(image_records(files, lambda name: files[name].read_bytes()), source)
    if source.suffix.lower() == ".csv":
        with source.open("rb") as file:
            return decode_records(table_records(file, source), source)
    if not zipfile.is_zipfile(source):
        raise UserError(f"{source} is no folder, no .csv and no whole zip. If it is a download, get it again.")
    with zipfile.ZipFile(source) as archive:
        # Members are read in memory, never extracted: whatever their names say, nothing is written.
        tables = [name for name in archive.namelist() if name.endswith(CLASSIC_TABLES)]
        if tables:
            with archive.open(tables[0]) as file:
                return decode_records(table_records(file, source), source)
        return decode_records(image_records(archive.namelist(), archive.read), source)


def image_records(names: Iterable[str], read: Callable[[str], bytes]) -> list[Record]:
    """List the pictures among file names such as `train/happy/Training_123.jpg`, in order of their names."""
    records = []
    for name in sorted(name for name in names if name.lower().endswith((".jpg", ".jpeg", ".png"))):
        folder, _, file = name.rpartition("/")
        if not file.startswith("."):  # macOS hides a file of its own beside each picture
            expression, split = folder.rpartition("/")[2].lower(), file.partition("_")[0]
            records.append(Record(name, expression, split, lambda name=name: decode_face(read(name))))
    return records


def table_records(file: IO[bytes], source: Path) -> list[Record]:
    """List the rows of a CSV; its first line names the columns. Raises UserError where it is no whole table."""
    lines = io.TextIOWrapper(file, "utf-8-sig", errors="replace")
    # Split by hand: that is three times as fast as a CSV reader, and no field of these tables holds a comma.
    rows = [[field.strip(' "\n') for field in line.split(",")] for line in lines if not line.isspace()]
    header = [name.lower() for name in rows[0]] if rows else []
    missing = {"emotion", "pixels", "usage"} - set(header)
    if missing:
        raise UserError(f"{source} has no column {', '.join(sorted(missing))}; its first line must name the columns.")
    if len(rows[-1]) < len(header):
        raise UserError(
            f"{source} ends in the middle of row {len(rows)}: its copy or download broke off. Get it again."
        )
    records = []
    for number, row in enumerate(rows[1:], start=2):
        fields = defaultdict(str, zip(header, row, strict=False))
        label = CLASSIC_LABELS.get(fields["emotion"], fields["emotion"])
        records.append(Record(f"row {number}", label, fields["usage"], partial(parse_pixels, fields["pixels"])))
    return records


def decode_records(records: list[Record], source: Path) -> tuple[FaceDataset, list[str]]:
    """Decode the pictures of the five expressions; see `read_fer2013`."""
    images, labels, splits, problems = [], [], [], []
    for record in progress(records, f"Reading {source.name}", unit="pictures"):
        if record.expression in DROPPED_EXPRESSIONS:
            continue
        try:
            if record.expression not in EXPRESSIONS:
                raise BadPictureError(f"unknown expression {record.expression[:20]!r}")
            image = record.decode()
            if record.split not in SPLITS:
                raise BadPictureError(f"unknown split {record.split[:20]!r}, expected one of {', '.join(SPLITS)}")
        except (BadPictureError, *DAMAGED_FILE) as problem:
            problems.append(f"{record.location}: {problem}")
            continue
        images.append(image)
        labels.append(EXPRESSIONS.index(record.expression))
        splits.append(record.split)
    if len(problems) > MAX_BAD_FRACTION * len(records):
        some = "\n  ".join(problems[:5])
        raise UserError(f"{len(problems)} of {len(records)} pictures in {source} are bad, more than 1 %:\n  {some}")
    if not images:
        raise UserError(f"{source} holds no picture of {', '.join(EXPRESSIONS)}. Is it FER-2013?")
    return FaceDataset(np.stack(images), np.array(labels), np.array(splits)), problems


def decode_face(content: bytes) -> np.ndarray:
    """Decode a JPEG or PNG to (48, 48) uint8; raises BadPictureError."""
    if len(content) > MAX_IMAGE_BYTES:
        raise BadPictureError(f"{len(content):,} bytes, more than {MAX_IMAGE_BYTES:,}")
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if content else None
    if image is None:
        raise BadPictureError("not a readable picture")
    if image.shape != (SIDE, SIDE):
        raise BadPictureError(f"{image.shape[1]}×{image.shape[0]} pixels instead of {SIDE}×{SIDE}")
    return image


def parse_pixels(text: str) -> np.ndarray:
    """Parse 2304 space-separated integers 0–255 to (48, 48) uint8; raises BadPictureError."""
    try:
        with warnings.catch_warnings(action="error"):  # older numpy only warns of what is no number
            pixels = np.fromstring(text, np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        raise BadPictureError("pixels that are not whole numbers from 0 to 255") from None
    if len(pixels) != SIDE * SIDE:
        raise BadPictureError(f"{len(pixels)} pixels instead of {SIDE * SIDE}")
    if pixels.min() < 0 or pixels.max() > 255:
        raise BadPictureError(f"pixels from {pixels.min()} to {pixels.max()} instead of 0 to 255")
    return pixels.astype(np.uint8).reshape(SIDE, SIDE)


def format_pixels(image: np.ndarray) -> str:
    """Write a (48, 48) uint8 image as 2304 space-separated integers."""
    return GREY_TEXTS[image.ravel()].tobytes().translate(None, b"\0").decode().rstrip()


def write_csv(faces: FaceDataset, target: Path) -> None:
    """Write the CSV of the five expressions, whole or not at all."""
    with writable_folder(target.parent), atomic_write(target) as path, path.open("w", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        rows = zip(faces.images, faces.labels, faces.splits, strict=True)
        for image, label, split in progress(rows, f"Writing {target.name}", len(faces.labels), "pictures"):
            file.write(f"{EXPRESSIONS[label]},{format_pixels(image)},{split}\n")


def check_complete(faces: FaceDataset) -> None:
    """Say which splits lack pictures of FER-2013; raises UserError where one is empty that nothing goes without."""
    for split, known in PUBLISHED_COUNTS.items():
        count = (faces.splits == split).sum()
        if count == 0 and split != "PrivateTest":  # which is looked at last, and only where it is
            raise UserError(f"There is no picture of {split}. Is the download whole? Get it again.")
        if 0 < count < known:
            print(f"{split} has {count:,} of FER-2013's {known:,} pictures. Is the download whole?")
