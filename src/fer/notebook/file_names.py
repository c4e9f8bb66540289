"""Name what is saved, so that no result overwrites that of another file."""

import hashlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

SOURCE_KEY = "source SHA-256"  # the key under which a saved picture says of which file it shows the faces


def printable(name: str) -> str:
    """Replace what cannot be shown in one line of text: control characters, changes of direction, broken letters."""
    joiners = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # part of emoji and of Persian and Indian words
    return "".join(
        letter if letter.isprintable() or letter in joiners else "\N{REPLACEMENT CHARACTER}" for letter in name
    )


def safe_stem(name: str) -> str:
    """Make the name of an uploaded file fit for our own files: letters, digits, `_` and `-` only, never empty."""
    return re.sub(r"[^\w-]+", "_", Path(name.replace("\\", "/")).stem)[:60].strip("_") or "picture"


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def picture_place(results: Path, name: str, source: str) -> Path:
    """Return where the result of a picture goes, without ending: results/<name>, or <name>-2 and so on.

    source: the SHA-256 of the file; its own former result is overwritten, that of another file never.
    """
    return free_place(results, name, source, picture_source)


def folder_place(results: Path, name: str, source: str) -> Path:
    """Make and return the folder results/<name>/ for what comes of a video or of many pictures, or <name>-2/ and so on.

    source: what tells it from another of the same name, such as a SHA-256; the folder's file `source` keeps it.
    """
    place = free_place(results, name, source, folder_source)
    place.mkdir(parents=True, exist_ok=True)
    (place / "source").write_text(source)
    return place


def free_place(results: Path, name: str, source: str, source_of: Callable[[Path], str | None]) -> Path:
    """Return the first of results/<name>, <name>-2, -3 … that is free (None) or of the same source."""
    stem = safe_stem(name)
    places = (results / (stem if number == 1 else f"{stem}-{number}") for number in itertools.count(1))
    return next(place for place in places if source_of(place) in (None, source))


def picture_source(place: Path) -> str | None:
    """Return the source that a saved picture names, "" if it names none, None if there is nothing."""
    saved = place.with_suffix(".png")
    if not saved.exists():
        return "" if place.with_suffix(".csv").exists() else None
    try:
        with Image.open(saved) as image:
            return image.info.get(SOURCE_KEY, "")
    except Exception:  # not written by us, or not to its end
        return ""


def folder_source(place: Path) -> str | None:
    """Return the source that a folder of results names, "" if it names none, None if there is no such folder."""
    if not place.exists():
        return None
    return (place / "source").read_text() if (place / "source").is_file() else ""
