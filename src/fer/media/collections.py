"""List the files in a folder, in a zip, or among several uploads, to be read one by one."""

import io
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from fer.media.pictures import SIDECAR_NAME
from fer.notebook.errors import UserError
from fer.notebook.paths import sha256_hex, to_printable

LARGEST_FILE = 300_000_000  # bytes; a photo of 100 megapixels without compression
UNLIKELY_LETTERS = re.compile(r"(?<=[A-Za-z])[^\0-\x7f]|[^\0-\x7f](?=[A-Za-z])|[\uff61-\uff9f\ue000-\uf8ff]")
LARGEST_ARCHIVE = 50_000_000_000  # bytes, unpacked


class PictureFile(NamedTuple):
    """A file that is probably a picture, or else a video."""

    name: str  # its path inside the folder or the zip; for people, never used as a path
    key: str  # changes when the file does
    size: int  # bytes
    open: Callable[[], IO[bytes]]  # may raise anything
    path: Path | None = None  # where it lies on the disk by itself, as long as this object lives

    def read(self) -> bytes:
        """Return all that is in it; raises UserError for more than a picture has, and where it cannot be read."""
        if self.size > LARGEST_FILE:  # zipfile unpacks no more than the size that the archive states
            raise UserError(f"{self.name} has {self.size / 1e6:,.0f} MB; the limit is {LARGEST_FILE / 1e6:.0f} MB.")
        with readable(self.name), self.open() as content:
            return content.read()


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Make a UserError of whatever goes wrong meanwhile: a locked or vanished file, an encrypted or damaged zip."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UserError(f"{name} cannot be read ({reason}). Copy or download it again.") from None


def list_folder(folder: Path) -> list[PictureFile]:
    """List the files in a folder and its folders, by name, without the hidden ones; print which links lead to none.

    Raises UserError if there are no files.
    """
    files = []
    for path in sorted(walk_folder(folder)):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            files.append(open_file(path, name))
        else:
            print(f"Left out: {to_printable(name)} is no file, nor a link to one.")
    return require_files(files, folder.name)


def walk_folder(folder: Path) -> Iterator[Path]:
    """Yield what is visible in a folder and its folders, also where links lead; each folder once, so that none loops.

    Links come last: what lies in the folder itself keeps its own name.
    """
    waiting, seen = [folder], set(folder.resolve().parents)
    for start in waiting:
        for parent, folders, names in os.walk(start, onerror=lambda error: print(f"Left out: {error}.")):
            here, real = Path(parent), Path(parent).resolve()
            folders[:] = [] if real in seen else filter(is_visible_file, folders)
            if real not in seen:
                seen.add(real)
                waiting += [here / name for name in folders if (here / name).is_symlink()]
                yield from (here / name for name in names if is_visible_file(name))


def open_file(path: Path, name: str) -> PictureFile:
    """Return a file on the disk under a name, which need not be printable."""
    about = path.stat()
    key = f"{name} {about.st_size} {about.st_mtime_ns}"
    return new_picture_file(name, key, about.st_size, partial(path.open, "rb"), path)


def copy_to_disk(file: PictureFile, opener: Callable[[IO[bytes]], IO[bytes]] = lambda content: content) -> PictureFile:
    """Copy a file, decompressed by the opener, into a temporary one, which is deleted when nobody needs it any more.

    Raises UserError for more than 50 GB, and anything that reading raises.
    """
    copy = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed with the last that can open it
    with file.open() as content, opener(content) as unpacked:
        while block := unpacked.read(2**20):
            copy.write(block)
            if copy.tell() > LARGEST_ARCHIVE:
                raise UserError(f"{file.name} unpacks to more than {LARGEST_ARCHIVE / 1e9:.0f} GB.")
    copy.flush()
    return file._replace(size=copy.tell(), path=Path(copy.name), open=lambda: Path(copy.name).open("rb"))


def list_zip(file: Path | IO[bytes], name: str) -> list[PictureFile]:
    """List the files in a zip, by name; hidden ones are left out. Each is unpacked in memory when it is read.

    Raises UserError for a zip that is damaged, empty, or unpacks to more than 50 GB.
    """
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UserError(f"{name} is a damaged zip ({error}). Download or pack it again.") from None
    members = dict(zip(member_names(archive.infolist()), archive.infolist(), strict=True))
    members = {name: members[name] for name in sorted(members) if not name.endswith("/") and is_visible_file(name)}
    size = sum(member.file_size for member in members.values())
    if size > LARGEST_ARCHIVE:
        raise UserError(f"{name} would unpack to {size / 1e9:,.0f} GB; the limit is {LARGEST_ARCHIVE / 1e9:.0f} GB.")
    if members and all(member.flag_bits & 1 for member in members.values()):
        raise UserError(f"{name} is locked by a password. Unpack it yourself, and bring the folder, or a zip without.")
    files = [
        new_picture_file(inside, f"{inside} {file.file_size} {file.CRC}", file.file_size, partial(archive.open, file))
        for inside, file in members.items()
    ]
    return require_files(files, name)


def list_uploads(files: list[tuple[str, bytes]]) -> list[PictureFile]:
    """List uploaded files, given as name and bytes."""
    return [
        new_picture_file(name, f"{name} {sha256_hex(data)}", len(data), partial(io.BytesIO, data))
        for name, data in files
    ]


def new_picture_file(
    name: str, key: str, size: int, open_content: Callable[[], IO[bytes]], path: Path | None = None
) -> PictureFile:
    """Make a picture file whose name is fit for people and spreadsheets."""
    shown = to_printable(name)
    if shown.startswith(("=", "+", "-", "@")):  # a spreadsheet would take it for a formula
        shown = f"./{shown}"
    return PictureFile(shown, key, size, open_content, path)


def member_names(members: list[zipfile.ZipInfo]) -> list[str]:
    """Return the names of files in a zip, with slashes between folders, as not all of Windows' programs write them.

    Where the zip does not say that they are in UTF-8, they are in that or in the packer's own encoding, all in one.
    """
    unsaid = [None if member.flag_bits & 0x800 else member.orig_filename.encode("cp437") for member in members]
    encoding = guess_encoding(b"/".join(filter(None, unsaid)))
    names = (
        member.orig_filename if encoded is None else encoded.decode(encoding)
        for member, encoded in zip(members, unsaid, strict=True)
    )
    return [name.replace("\\", "/") for name in names]


def guess_encoding(names: bytes) -> str:
    """Guess how names are encoded: UTF-8, Chinese, Japanese, else as zips are by default (cp437).

    Nearly any bytes can be read as Chinese or Japanese; what was not meant so is mostly single letters within Latin
    words, half-width kana or private letters.
    """
    for encoding in ("utf-8", "gb2312", "cp932", "gb18030"):
        try:
            text = names.decode(encoding)
        except UnicodeError:
            continue
        foreign = len(re.findall(r"[^\0-\x7f]", text))
        if encoding == "utf-8" or 2 * len(UNLIKELY_LETTERS.findall(text)) <= foreign:
            return encoding
    return "cp437"


def is_visible_file(name: str) -> bool:
    """Tell whether a file is one that people see: not hidden, and not one that programs keep beside others."""
    parts = name.split("/")
    is_hidden = any((part.startswith(".") and part.strip(".")) or part == "__MACOSX" for part in parts)
    return not is_hidden and not SIDECAR_NAME.search(name)


def require_files(files: list[PictureFile], name: str) -> list[PictureFile]:
    """Return the files; raises UserError if there are none."""
    if not files:
        raise UserError(f"There is no file in {name}.")
    return files
