"""Read tables of faces and of votes on them, in whatever encoding and with whatever delimiter they were written."""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import PurePosixPath
from typing import IO

from fer.data.layout import find_expression, find_split
from fer.media.collections import PictureFile, readable
from fer.notebook.errors import UserError

TABLE_ENDING = re.compile(r"\.(csv|tsv|txt)$", re.IGNORECASE)
NUMBERED = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")  # the last in CK+ alone
COLUMNS = {  # of a table of faces, by what others call them, too
    "emotion": ("emotion", "emotions", "label", "labels", "expression", "class"),
    "pixels": ("pixels", "pixel"),
    "usage": ("usage", "split", "set", "subset"),
}
NO_MAJORITY = "no majority"  # the label of a picture on which votes do not agree, or which shows no face


def read_rows(content: IO[bytes]) -> Iterator[list[str]]:
    """Yield the rows of a table, without blank ones; its first bytes tell encoding, delimiter and quotes."""
    start = content.read(2**16)
    content.seek(0)
    lines = io.TextIOWrapper(content, find_encoding(start), errors="replace", newline="")
    first = start.decode(find_encoding(start), errors="replace").partition("\n")[0]
    delimiter = max(",;\t|", key=first.count)
    if b'"' in start:
        rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    else:  # three times as fast
        rows = (line.split(delimiter) for line in lines)
    yield from filter(any, ([field.strip() for field in row] for row in rows))


def find_encoding(start: bytes) -> str:
    """Tell the encoding of a text by its first bytes: UTF-16 with a mark or without, else UTF-8."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start[:2]:
        return "utf-16-be" if start[:1] == b"\0" else "utf-16-le"
    return "utf-8-sig"


def find_columns(rows: list[list[str]]) -> tuple[dict[str, int], bool]:
    """Return where emotion, pixels and usage stand in a table, as far as they do, and whether its first row names them.

    Where the names are not among those of COLUMNS, what stands in the first row of data tells.
    """
    first, second = (*rows[:2], [], [])[:2]
    is_named = not any(map(is_pixels, first))
    names, found = [name.strip().casefold() for name in first], {}
    for column, words in COLUMNS.items():
        positions = [names.index(word) for word in words if word in names]
        found |= {column: positions[0]} if positions else {}
    data = second if is_named else first
    if "pixels" not in found and any(map(is_pixels, data)):
        for position, field in enumerate(data):
            column = "pixels" if is_pixels(field) else "usage" if find_split(field) else "emotion"
            found.setdefault(column, position)
    return found, is_named


def is_pixels(field: str) -> bool:
    """Tell whether a field holds the grey values of a picture."""
    return field.count(" ") > 100


def first_rows(file: PictureFile) -> list[list[str]]:
    """Return the first two rows of a table; none where it cannot be read."""
    with suppress(Exception), file.open() as content:
        return list(itertools.islice(read_rows(content), 2))
    return []


def is_face_table(file: PictureFile) -> bool:
    """Tell whether a file has the columns of labelled faces."""
    return {"emotion", "pixels"} <= find_columns(first_rows(file))[0].keys()


def is_vote_table(file: PictureFile) -> bool:
    """Tell whether a file has the votes of FER+ (Barsoum et al. 2016), as `fer2013new.csv` does."""
    return any(len(set(filter(None, map(find_expression, row)))) > 4 for row in first_rows(file)[:1])


def split_of_table(file: PictureFile) -> str:
    """Return the split that a table is named after, or an empty text."""
    return find_split(PurePosixPath(file.name).stem)


def read_faces(file: PictureFile) -> list[tuple[str, str, str, str]]:
    """Return the rows of a table of faces: where each stands, its expression, its split and its pixels, as texts.

    Where no column has the split, the name of the table may, such as train.csv.
    Raises UserError where it is no such table, broke off, or numbers its expressions otherwise than FER-2013.
    """
    with readable(file.name), file.open() as content:
        rows = list(read_rows(content))
    columns, is_named = find_columns(rows)
    missing = {"emotion", "pixels"} - columns.keys()
    if missing:
        raise UserError(
            f"{file.name} has no column {', '.join(sorted(missing))}. A table of faces has the columns emotion (a name"
            " or FER-2013's number), pixels (2304 grey values, separated by spaces) and Usage."
        )
    if len(rows[-1]) < len(rows[0]):
        raise UserError(
            f"{file.name} ends in the middle of row {len(rows)}: its copy or download broke off. Get it again."
        )
    records, split_of_all = [], split_of_table(file)
    for number, row in enumerate(rows, start=1):
        fields = {column: row[position] if position < len(row) else "" for column, position in columns.items()}
        split = fields.get("usage", split_of_all)
        records.append((f"row {number}", fields["emotion"], find_split(split) or split, fields["pixels"]))
    records = records[is_named:]
    check_numbering([label for _, label, _, _ in records], file.name)
    return [(where, name_expression(label), split, pixels) for where, label, split, pixels in records]


def check_numbering(labels: Iterable[str], name: str) -> None:
    """Raise UserError where labels are numbers, but seem to count other expressions than FER-2013's 0 to 6."""
    numbers = {number for number in map(to_number, set(labels)) if number is not None}
    is_shorter = 2 < len(numbers) < 7 and numbers == set(range(len(numbers)))
    if is_shorter or (7 in numbers and 0 not in numbers):
        raise UserError(
            f"{name}: expressions are numbered {min(numbers)} to {max(numbers)}, which FER-2013 numbers 0 to 6. Which"
            " is which? Write their names instead."
        )


def to_number(label: str) -> int | None:
    """Return the number that a label is, such as 3 or 3.0, if it is one of an expression."""
    return int(label[0]) if re.fullmatch(r"[0-7](\.0*)?", label) else None


@cache
def name_expression(label: str) -> str:
    """Return the expression that a word or one of FER-2013's numbers stands for; any other label as it is."""
    number = to_number(label)
    return find_expression(label) or label if number is None else NUMBERED[number]


def read_votes(file: PictureFile) -> list[str]:
    """Return the expression that most of ten people saw in each picture of FER-2013, in the order of its rows.

    It is NO_MAJORITY where two have as many votes, and where most saw an unknown one or no face. Raises UserError.
    """
    with readable(file.name), file.open() as content:
        header, *rows = read_rows(content)
    names = [find_expression(name) or NO_MAJORITY for name in header]
    first = next(position for position, name in enumerate(names) if name != NO_MAJORITY)
    labels = []
    for row in rows:
        votes = [int(vote) if vote.isdigit() else 0 for vote in row[first:]]
        is_clear = votes and votes.count(max(votes)) == 1
        labels.append(names[first + votes.index(max(votes))] if is_clear else NO_MAJORITY)
    return labels
