"""Read FER-2013 in any of its published forms, reduced to five expressions.

Published forms: the Kaggle folder (`train/happy/Training_123.jpg`, …), a zip of that folder, and the
classic `fer2013.csv` or `icml_face_data.csv`, zipped or not. Ours is a CSV with the header
`emotion,pixels,Usage`: the name of the expression, 2304 grey values 0–255 in row order, and the split.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from fer.data.dataset import SPLITS, FaceDataset
from fer.expressions import EXPRESSIONS, SIDE
from fer.notebook.errors import UserError
from fer.notebook.progress import progress

DROPPED_EXPRESSIONS = ("disgust", "fear")
CLASSIC_LABELS = dict(zip("0123456", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"), strict=True))
CLASSIC_TABLES = ("fer2013.csv", "icml_face_data.csv")
PUBLISHED_COUNTS = {"Training": 24_176, "PublicTest": 3_037, "PrivateTest": 3_006}  # of the five expressions
LARGEST_SMALL_FILE = 1_000_000  # bytes; a real one has about 1,600
LARGEST_BAD_SHARE = 0.01
DAMAGED_FILE = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError)  # the last of an encrypted one


class Record(NamedTuple):
    """One picture before it is decoded, and where it stands (row number or file name)."""

    place: str
    expression: str
    split: str
    read: Callable[[], bytes]


class BadPictureError(ValueError):
    """A row or a file that is no FER-2013 picture; the message says why."""


def read_fer2013(source: Path) -> tuple[FaceDataset, list[str]]:
    """Read FER-2013 in any of its published forms, or our own CSV.

    Returns the pictures of the five expressions, and one line for each bad row or file; these are left out.
    Raises UserError when there is nothing to read or more than 1 % of it is bad.
    """
    if not source.exists():
        raise UserError(f"There is no file or folder {source}. Check the spelling and where you run from.")
    if source.is_dir():
        files = {path.relative_to(source).as_posix(): path for path in source.rglob("*")}
        tables = [path for name, path in files.items() if name.endswith(CLASSIC_TABLES)]
        if tables:
            return read_fer2013(tables[0])
        records = picture_records(files, lambda name: files[name].read_bytes())
        return decode_records(records, decode_picture, source)
    if source.suffix.lower() == ".csv":
        with source.open("rb") as lines:
            return decode_records(row_records(lines, source), parse_pixels, source)
    if not zipfile.is_zipfile(source):
        raise UserError(f"{source} is no folder, no .csv and no whole zip. If it is a download, get it again.")
    with zipfile.ZipFile(source) as archive:
        # Members are read in memory, never extracted: whatever their names say, nothing is written.
        tables = [name for name in archive.namelist() if name.endswith(CLASSIC_TABLES)]
        if tables:
            with archive.open(tables[0]) as lines:
                return decode_records(row_records(lines, source), parse_pixels, source)
        return decode_records(picture_records(archive.namelist(), archive.read), decode_picture, source)


def picture_records(names: Iterable[str], read: Callable[[str], bytes]) -> list[Record]:
    """List the pictures among file names such as `train/happy/Training_123.jpg`, in order of their names."""
    records = []
    for name in sorted(name for name in names if name.lower().endswith((".jpg", ".jpeg", ".png"))):
        folder, _, file = name.rpartition("/")
        if not file.startswith("."):  # macOS hides a file of its own beside each picture
            expression, split = folder.rpartition("/")[2].lower(), file.partition("_")[0]
            records.append(Record(name, expression, split, partial(read, name)))
    return records


def row_records(lines: Iterable[bytes], source: Path) -> list[Record]:
    """List the rows of a CSV; the header says which column is which."""
    lines = list(lines)
    rows = [[field.strip(b' "\r\n') for field in line.split(b",")] for line in lines]
    header = [name.decode(errors="replace").lower().removeprefix("\ufeff") for name in rows[0]] if rows else []
    missing = {"emotion", "pixels", "usage"} - set(header)
    if missing:
        raise UserError(f"{source} has no column {', '.join(sorted(missing))}; its first line must name the columns.")
    emotion, pixels, usage = (header.index(name) for name in ("emotion", "pixels", "usage"))
    last_field_is_short = len(rows[-1]) == pixels + 1 and rows[-1][pixels].count(b" ") < SIDE * SIDE - 1
    if len(rows) > 1 and not lines[-1].endswith(b"\n") and (len(rows[-1]) < len(header) or last_field_is_short):
        raise UserError(
            f"{source} ends in the middle of row {len(lines)}: its copy or download broke off. Get it again."
        )

    def record(number: int, row: list[bytes]) -> Record:
        row = row + [b""] * (len(header) - len(row))
        label = row[emotion].decode(errors="replace")
        split = row[usage].decode(errors="replace")
        return Record(f"row {number}", CLASSIC_LABELS.get(label, label), split, lambda: row[pixels])

    return [record(number, row) for number, row in enumerate(rows[1:], start=2) if row != [b""]]


def decode_records(
    records: list[Record], decode: Callable[[bytes], np.ndarray], source: Path
) -> tuple[FaceDataset, list[str]]:
    """Decode the pictures of the five expressions; see `read_fer2013`."""
    images, labels, splits, problems = [], [], [], []
    for record in progress(records, f"Reading {source.name}", unit="pictures"):
        if record.expression in DROPPED_EXPRESSIONS:
            continue
        try:
            if record.expression not in EXPRESSIONS:
                raise BadPictureError(f"unknown expression {record.expression[:20]!r}")
            image = decode(record.read())
            if record.split not in SPLITS:
                raise BadPictureError(f"unknown split {record.split[:20]!r}, expected one of {', '.join(SPLITS)}")
        except (BadPictureError, *DAMAGED_FILE) as problem:
            problems.append(f"{record.place}: {problem}")
            continue
        images.append(image)
        labels.append(EXPRESSIONS.index(record.expression))
        splits.append(record.split)
    if len(problems) > LARGEST_BAD_SHARE * len(records):
        some = "\n  ".join(problems[:5])
        raise UserError(f"{len(problems)} of {len(records)} pictures in {source} are bad, more than 1 %:\n  {some}")
    if not images:
        raise UserError(f"{source} holds no picture of {', '.join(EXPRESSIONS)}. Is it FER-2013?")
    return FaceDataset(np.stack(images), np.array(labels), np.array(splits)), problems


def decode_picture(content: bytes) -> np.ndarray:
    """Decode a JPEG or PNG to (48, 48) uint8; raises BadPictureError."""
    if len(content) > LARGEST_SMALL_FILE:
        raise BadPictureError(f"{len(content):,} bytes, more than {LARGEST_SMALL_FILE:,}")
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if content else None
    if image is None:
        raise BadPictureError("not a readable picture")
    if image.shape != (SIDE, SIDE):
        raise BadPictureError(f"{image.shape[1]}×{image.shape[0]} pixels instead of {SIDE}×{SIDE}")
    return image


def parse_pixels(text: bytes) -> np.ndarray:
    """Parse 2304 space-separated integers 0–255 to (48, 48) uint8; raises BadPictureError.

    Behind the header "P2 width height largest" such a text is a plain PGM picture (netpbm), which OpenCV reads about
    eight times as fast as `list(map(int, text.split()))` does. The largest value is set to 65535, because OpenCV
    silently lowers what is above it, and a 300 must not become a 255.
    """
    separators = text.translate(None, delete=b"0123456789")
    if separators.strip(b" "):
        raise BadPictureError("pixels that are not whole numbers from 0 to 255")
    if len(separators) != SIDE * SIDE - 1:
        raise BadPictureError(f"{len(text.split())} pixels instead of {SIDE * SIDE}")
    plain_pgm = b"P2 %d %d 65535\n%b\n" % (SIDE, SIDE, text)
    image = cv2.imdecode(np.frombuffer(plain_pgm, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise BadPictureError(f"not {SIDE * SIDE} numbers of a sensible size with one space between them")
    if image.max() > 255:
        raise BadPictureError(f"a pixel of {image.max()}, above 255")
    return image.astype(np.uint8)


def format_pixels(image: np.ndarray) -> str:
    """Write a (48, 48) uint8 image as 2304 space-separated integers."""
    return PIXEL_WORDS[image.ravel()].tobytes().translate(None, b"\0").decode().rstrip()


# Every grey value as text, padded with zero bytes to four: one look-up writes a whole picture.
PIXEL_WORDS = np.array([f"{value} ".encode() for value in range(256)], dtype="S4").view(np.uint32)


def write_csv(pictures: FaceDataset, target: Path) -> None:
    """Write the CSV of the five expressions, whole or not at all."""
    unfinished = target.with_name(target.name + ".part")
    target.parent.mkdir(parents=True, exist_ok=True)
    with unfinished.open("w", newline="\n") as file:
        file.write("emotion,pixels,Usage\n")
        rows = zip(pictures.images, pictures.labels, pictures.splits, strict=True)
        for image, label, split in progress(rows, f"Writing {target.name}", len(pictures.labels), "pictures"):
            file.write(f"{EXPRESSIONS[label]},{format_pixels(image)},{split}\n")
    unfinished.replace(target)


def check_complete(pictures: FaceDataset) -> None:
    """Say which splits lack pictures of FER-2013; raises UserError where one is empty that nothing goes without."""
    for split, known in PUBLISHED_COUNTS.items():
        count = (pictures.splits == split).sum()
        if count == 0 and split != "PrivateTest":  # which is looked at last, and only where it is
            raise UserError(f"There is no picture of {split}. Is the download whole? Get it again.")
        if 0 < count < known:
            print(f"{split} has {count:,} of FER-2013's {known:,} pictures. Is the download whole?")
