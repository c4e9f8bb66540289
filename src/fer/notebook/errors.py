"""Say what the person at the notebook can put right, in one line and without a traceback."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DISK_FULL_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class UserError(ValueError):
    """A problem that the person at the notebook can solve; shown as its message alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback."""
        return [f"\N{WARNING SIGN} {self}"]


@contextmanager
def shown_user_errors() -> Iterator[None]:
    """Show a UserError as IPython would, but go on."""
    try:
        yield
    except UserError as problem:
        print(*problem._render_traceback_())


@contextmanager
def writable_folder(folder: Path) -> Iterator[Path]:
    """Make and give a folder for what is written meanwhile; what its disk refuses is a UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        # HDF5 and ffmpeg tell the system's error in their text alone.
        is_full = any(os.strerror(number) in str(error) for number in DISK_FULL_ERRORS)
        reason = "its disk is full" if is_full else error.strerror or str(error)[:100]
        raise UserError(
            f"Nothing can be written in {folder.absolute()}: {reason}. What is whole there stays whole."
            " Put that right and run this cell again."
        ) from error


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a path beside `path` for a file or a folder; it takes the other's place when it is whole, else it goes."""
    unfinished = path.with_name(f"unfinished.{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write a file by `atomic_write`."""
    with atomic_write(path) as unfinished:
        unfinished.write_bytes(content if isinstance(content, bytes) else content.encode())


def check_writable(*folders: Path) -> None:
    """Write a byte in each folder and take it away again: better to hear of it now than after an hour of training."""
    for folder in folders:
        with writable_folder(folder), tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"0")
