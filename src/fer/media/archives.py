"""List the files in a folder or an archive, and in the archives among them."""

import bz2
import gzip
import lzma
import re
import tarfile
import zlib
from functools import partial
from pathlib import Path, PurePosixPath

from fer.media.collections import (
    PictureFile,
    copy_to_disk,
    is_visible_file,
    list_folder,
    list_zip,
    new_picture_file,
    open_file,
    require_files,
)
from fer.notebook.errors import UserError
from fer.notebook.paths import existing_path, to_printable

ARCHIVE_ENDING = re.compile(r"(\.(zip|7z|rar|zst|tar|tgz|tbz2?|txz|gz|bz2|xz))+$", re.IGNORECASE)
ZIP_STARTS = (b"PK\3\4", b"PK\5\6")  # the second: of an empty one
STREAMS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}  # by their first bytes
UNREADABLE = {
    b"Rar!": "a RAR archive: unpack it, and bring the folder",
    b"7z\xbc\xaf": "a 7z archive: unpack it, and bring the folder",
    b"\x28\xb5\x2f\xfd": "compressed by zstd: unpack it, and bring the folder",
    b"<!": "a web page, as servers send to who is not logged in: download the file itself",
}
# Others are not opened to see: on a mounted drive, that takes as long as to read them. Some are zips of their own kind.
MAY_BE_ARCHIVE = re.compile(rf"{ARCHIVE_ENDING.pattern}|\.(csv|tsv|txt)$|(^|/)[^./]+$", re.IGNORECASE)
MOST_NESTED = 3


def list_files(source: Path, name: str = "") -> tuple[list[PictureFile], list[str]]:
    """List the files in a folder or an archive, and one line for each archive inside that is left out.

    Archives are zip and tar, also compressed (gzip, bzip2, xz); one that is inside is a folder of its name. A source
    that is none is listed itself. name: of the source for people, where it is not that of its path. Raises UserError
    where there is nothing, or only what is damaged or locked.
    """
    try:
        source = existing_path(str(source))
        file = None if source.is_dir() else open_file(source, name or source.name)
        listed = (unpack(file) or [file]) if file else list_folder(source)
    except UserError:
        raise
    except OSError as error:  # no right to look there
        raise UserError(f"{name or to_printable(str(source))} cannot be read ({error.strerror or error}).") from None
    found, problems = unpack_all(listed)
    if not found:
        raise UserError(" ".join(problems[:3]))
    return found, problems


def unpack_all(files: list[PictureFile], depth: int = MOST_NESTED) -> tuple[list[PictureFile], list[str]]:
    """Put what is in an archive in its place, for each among the files, and so on down to a depth; see `list_files`."""
    found, problems = [], []
    for file in files:
        try:
            inner = unpack(file) if MAY_BE_ARCHIVE.search(file.name) else None
            if inner and depth == 0:
                raise UserError(f"{file.name} is an archive too deep inside others: unpack the outer ones.")
        except (UserError, OSError) as problem:
            problems.append(str(problem))
            continue
        if inner is None:
            found.append(file)
            continue
        inside = [one._replace(name=f"{file.name}/{one.name}", key=f"{file.key}/{one.key}") for one in inner]
        inside, more = unpack_all(inside, depth - 1)
        found += inside
        problems += more
    return found, problems


def unpack(file: PictureFile) -> list[PictureFile] | None:
    """List what is in an archive, which its first bytes tell; None for any other file. Raises UserError or OSError."""
    start = first_bytes(file)
    try:
        kind = look_up(UNREADABLE, start)
        if kind:
            raise UserError(f"{file.name} is {kind}.")
        opener = look_up(STREAMS, start)
        if opener:
            file = copy_to_disk(file, opener)
            start = first_bytes(file)
        list_archive = list_zip if start.startswith(ZIP_STARTS) else None
        list_archive = list_tar if start[257:262] == b"ustar" else list_archive
        if list_archive:
            file = file if file.path else copy_to_disk(file)
            return list_archive(file.path, file.name)
        return [file._replace(name=ARCHIVE_ENDING.sub("", PurePosixPath(file.name).name))] if opener else None
    except (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise UserError(f"{file.name} cannot be unpacked ({error}). Download or pack it again.") from None


def is_archive(file: PictureFile) -> bool:
    """Tell whether a file starts as archives do, also those that cannot be read; raises anything."""
    start = first_bytes(file)
    return start.startswith((*ZIP_STARTS, *STREAMS, *UNREADABLE)) or start[257:262] == b"ustar"


def first_bytes(file: PictureFile) -> bytes:
    """Return the first 512 bytes of a file; raises anything."""
    with file.open() as content:
        return content.read(512)


def look_up(table: dict[bytes, object], start: bytes) -> object:
    """Return what a table of first bytes has for a file that starts so; None if nothing."""
    return next((value for magic, value in table.items() if start.startswith(magic)), None)


def list_tar(path: Path, name: str) -> list[PictureFile]:
    """List the files in a tar that is not compressed, by name; hidden ones are left out. Nothing is extracted."""
    archive = tarfile.open(path, "r:")  # noqa: SIM115 - its files are still to be read
    members = {PurePosixPath(member.name).as_posix(): member for member in archive if member.isfile()}  # without ./
    files = [
        new_picture_file(inside, f"{inside} {file.size} {file.mtime}", file.size, partial(archive.extractfile, file))
        for inside, file in sorted(members.items(), key=lambda member: member[0])
        if is_visible_file(inside)
    ]
    return require_files(files, name)
