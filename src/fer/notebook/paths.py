"""Check the paths that people type, and name those of results so that none overwrites that of another file."""

import hashlib
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from fer.notebook.errors import UserError, writable_folder

FINGERPRINT_KEY = "source SHA-256"  # the key under which a saved picture says of which file it shows the faces
FINGERPRINT_FILE = ".fingerprint"  # in a folder of results


def to_printable(name: str) -> str:
    """Replace what cannot be shown in one line of text: control characters, changes of direction, broken letters."""
    if name.isprintable():
        return name
    joiners = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"  # part of emoji and of Persian and Indian words
    return "".join(
        letter if letter.isprintable() or letter in joiners else "\N{REPLACEMENT CHARACTER}" for letter in name
    )


def safe_stem(name: str) -> str:
    """Make the name of an uploaded file fit for our own files: letters, digits, `_` and `-` only, never empty."""
    return re.sub(r"[^\w-]+", "_", Path(name.replace("\\", "/")).stem)[:60].strip("_") or "picture"


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def picture_result_path(results: Path, name: str, fingerprint: str) -> Path:
    """Return where the result of a picture goes, without ending: results/<name>, or <name>-2 and so on.

    fingerprint: the SHA-256 of the file; its own former result is overwritten, that of another file never.
    """
    return next(path for path in numbered_paths(results, name) if picture_fingerprint(path) in (None, fingerprint))


def make_result_folder(results: Path, name: str, fingerprint: str) -> Path:
    """Make and return the folder results/<name>/ for what comes of a video or of many pictures, or <name>-2/ and so on.

    fingerprint: what tells it from another of the same name, such as a SHA-256; a hidden file in the folder keeps it.
    """
    path = next(path for path in numbered_paths(results, name) if folder_fingerprint(path) in (None, fingerprint))
    with writable_folder(path):
        (path / FINGERPRINT_FILE).write_text(fingerprint)
    return path


def numbered_paths(results: Path, name: str) -> Iterator[Path]:
    """Yield results/<name>, <name>-2, <name>-3 and so on."""
    stem = safe_stem(name)
    yield results / stem
    yield from (results / f"{stem}-{number}" for number in itertools.count(2))


def picture_fingerprint(path: Path) -> str | None:
    """Return the fingerprint that a saved picture has, "" if it has none, None if there is nothing."""
    saved = path.with_suffix(".png")
    if not saved.exists():
        return "" if path.with_suffix(".csv").exists() else None
    try:
        with Image.open(saved) as image:
            return image.info.get(FINGERPRINT_KEY, "")
    except Exception:  # not written by us, or not to its end
        return ""


def folder_fingerprint(path: Path) -> str | None:
    """Return the fingerprint that a folder of results has, "" if it has none, None if there is no such folder."""
    if not path.exists():
        return None
    return (path / FINGERPRINT_FILE).read_text() if (path / FINGERPRINT_FILE).is_file() else ""


def existing_path(path: str) -> Path:
    """Return the file or folder whose path was typed; raises UserError where there is none."""
    try:
        found = Path(path).expanduser()
        if found.is_file() or found.is_dir():  # not a device, which has no end
            return found
    except (OSError, ValueError, RuntimeError):  # too long, with a zero byte, the home of nobody
        pass
    raise UserError(
        f"There is no file {to_printable(path)[:200]}. Check the spelling; this notebook runs in {Path.cwd()}."
    )
