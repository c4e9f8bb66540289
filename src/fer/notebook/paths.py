"""Check the paths that people type, and name those of results so that none overwrites that of another file."""

import hashlib
import itertools
import re
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


def result_path(results: Path, name: str, fingerprint: str) -> Path:
    """Return where the result of a file goes, without ending: results/<name>, or <name>-2 and so on.

    fingerprint: the SHA-256 of the file, or what else tells it from another of that name. Its own former result is
    overwritten, that of another file never.
    """
    stem = safe_stem(name)
    paths = itertools.chain([results / stem], (results / f"{stem}-{number}" for number in itertools.count(2)))
    return next(path for path in paths if fingerprint_of(path) in (None, fingerprint))


def make_result_folder(results: Path, name: str, fingerprint: str) -> Path:
    """Make the folder at `result_path`, in which a hidden file keeps the fingerprint, and return it."""
    folder = result_path(results, name, fingerprint)
    with writable_folder(folder):
        (folder / FINGERPRINT_FILE).write_text(fingerprint)
    return folder


def fingerprint_of(path: Path) -> str | None:
    """Return the fingerprint that a result has, given without ending; "" if it has none, None if there is no result."""
    kept, picture = path / FINGERPRINT_FILE, path.with_suffix(".png")
    try:
        if kept.exists():
            return kept.read_text()
        if picture.exists():
            with Image.open(picture) as image:
                return image.info.get(FINGERPRINT_KEY, "")
    except Exception:  # not written by us, or not to its end
        return ""
    return "" if path.exists() or path.with_suffix(".csv").exists() else None


def existing_path(path: str) -> Path:
    """Return the file or folder whose path was typed; raises UserError where there is none."""
    try:
        found = Path(path).expanduser()
        if found.is_file() or found.is_dir():  # not a device, which has no end
            return found
    except (OSError, ValueError, RuntimeError):  # too long, with a zero byte, the home of nobody
        pass
    raise UserError(
        f"There is no file or folder {to_printable(path)[:200]}. Check the spelling; this notebook runs in"
        f" {Path.cwd()}."
    )
