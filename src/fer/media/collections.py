"""List the files in a folder, in a zip, or among several uploads, to be read one by one."""

import os
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from fer.notebook.errors import UserError
from fer.notebook.paths import sha256_hex, to_printable

LARGEST_FILE = 300_000_000  # bytes; a photo of 100 megapixels without compression
LARGEST_ARCHIVE = 50_000_000_000  # bytes, unpacked


class PictureFile(NamedTuple):
    """A file that is probably a picture."""

    name: str  # its path inside the folder or the zip; for people, never used as a path
    key: str  # changes when the file does
    read: Callable[[], bytes]  # may raise anything


def list_folder(folder: Path) -> list[PictureFile]:
    """List the files in a folder and its folders, by name; hidden ones are left out. Raises UserError if none."""
    paths = sorted(Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
    files = []
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if is_visible_file(name) and path.is_file():
            about = path.stat()
            key = f"{name} {about.st_size} {about.st_mtime_ns}"
            files.append(new_picture_file(name, key, about.st_size, path.read_bytes))
    return require_files(files, folder.name)


def list_zip(file: Path | IO[bytes], name: str) -> list[PictureFile]:
    """List the files in a zip, by name; hidden ones are left out. Each is unpacked in memory when it is read.

    Raises UserError for a zip that is damaged, empty, or unpacks to more than 50 GB.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UserError(f"{name} is a damaged zip ({error}). Download or pack it again.") from None
    members = [member for member in archive.infolist() if not member.is_dir() and is_visible_file(member_name(member))]
    size = sum(member.file_size for member in members)
    if size > LARGEST_ARCHIVE:
        raise UserError(f"{name} would unpack to {size / 1e9:,.0f} GB; the limit is {LARGEST_ARCHIVE / 1e9:.0f} GB.")
    files = []
    for member in sorted(members, key=member_name):
        key = f"{member_name(member)} {member.file_size} {member.CRC}"
        files.append(new_picture_file(member_name(member), key, member.file_size, partial(archive.read, member)))
    return require_files(files, name)


def list_uploads(files: list[tuple[str, bytes]]) -> list[PictureFile]:
    """List uploaded files, given as name and bytes."""
    return [
        new_picture_file(name, f"{name} {sha256_hex(data)}", len(data), partial(bytes, data)) for name, data in files
    ]


def new_picture_file(name: str, key: str, size: int, read: Callable[[], bytes]) -> PictureFile:
    """Make a picture file whose name is fit for people and spreadsheets, and which is not read when it is too large."""
    shown = to_printable(name)
    if shown.startswith(("=", "+", "-", "@")):  # a spreadsheet would take it for a formula
        shown = f"./{shown}"

    def read_if_small() -> bytes:
        if size > LARGEST_FILE:  # zipfile unpacks no more than the size that the archive states
            raise UserError(f"{shown} has {size / 1e6:,.0f} MB; the limit is {LARGEST_FILE / 1e6:.0f} MB.")
        return read()

    return PictureFile(shown, key, read_if_small)


def member_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a file in a zip, in UTF-8 also where the archive does not say so, as Finder's do not."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def is_visible_file(name: str) -> bool:
    """Tell whether a file is one that people see: not hidden, and not one of those that macOS packs beside others."""
    return not any((part.startswith(".") and part != "..") or part == "__MACOSX" for part in PurePosixPath(name).parts)


def require_files(files: list[PictureFile], name: str) -> list[PictureFile]:
    """Return the files; raises UserError if there are none."""
    if not files:
        raise UserError(f"There is no file in {name}.")
    return files
