"""Recognise whatever is brought: a picture, a folder, a zip, a video, a web address, uploads."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from IPython.display import display

from fer.media.collections import PictureFile, list_folder, list_uploads, list_zip, new_picture_file
from fer.media.videos import has_media_type, open_video
from fer.media.web import fetch_picture
from fer.notebook.errors import UserError, print_user_errors
from fer.notebook.paths import existing_path, make_result_folder, sha256_hex, to_printable
from fer.recognition.recogniser import RecognisedPicture, Recogniser
from fer.reports.overview import report_collection
from fer.reports.picture import format_faces, report_picture
from fer.reports.video import report_video

ZIP_STARTS = (b"PK\3\4", b"PK\5\6")  # the second: of an empty one


@dataclass
class Reporter:
    """Where everything that is brought gets recognised."""

    recogniser: Recogniser
    results: Path
    frames_per_second: float = 5  # of a video
    latest: RecognisedPicture | None = None  # the last single picture

    def take_source(self, source: str) -> None:
        """Recognise what a typed path or address leads to; raises UserError."""
        source = source.strip().strip("\"'")  # as some file managers copy a path
        if source.lower().startswith(("http://", "https://")):
            self.take_picture(*fetch_picture(source))
            return
        if "://" in source:
            raise UserError(f"{to_printable(source)[:100]} is neither a path nor an http(s) address.")
        path = existing_path(source)
        try:
            self.take_path(path, to_printable(path.name), sha256_hex(os.fsencode(path.resolve())))
        except OSError as error:
            raise UserError(f"{to_printable(path.name)} cannot be read ({error.strerror}).") from None

    def take_path(self, path: Path, name: str, source: str) -> None:
        """Recognise what is in a folder or a file; name: printable; source: tells it from others of that name."""
        if path.is_dir():
            self.take_items(list_folder(path), name, source)
        elif is_zip(path):
            self.take_items(list_zip(path, name), name, source)
        elif has_media_type(path.name, "video"):
            self.take_video(path, name, source)
        else:
            self.take_picture(name, new_picture_file(name, "", path.stat().st_size, path.read_bytes).read())

    def take_uploads(self, files: list[tuple[str, bytes]]) -> None:
        """Recognise uploads, given as name and bytes; several pictures make one report, all else has its own.

        What is wrong with one is said, and the next has its turn.
        """
        pictures = []
        with tempfile.TemporaryDirectory() as folder:
            for name, content in ((to_printable(name), content) for name, content in files):
                is_video = has_media_type(name, "video")
                if is_video or content.startswith(ZIP_STARTS):
                    path = Path(folder) / f"upload{Path(name).suffix if is_video else ''}"
                    path.write_bytes(content)
                    with print_user_errors():
                        self.take_path(path, name, sha256_hex(content))
                else:
                    pictures.append((name, content))
        if len(pictures) == 1:
            with print_user_errors():
                self.take_picture(*pictures[0])
        elif pictures:
            items = list_uploads(pictures)
            self.take_items(items, "uploads", sha256_hex("\n".join(sorted(item.key for item in items)).encode()))

    def take_picture(self, name: str, content: bytes) -> None:
        """Recognise a single picture and show its table."""
        self.latest = report_picture(self.recogniser, name, content, self.results)
        display(format_faces({name: self.latest.table}))

    def take_items(self, items: list[PictureFile], name: str, source: str) -> None:
        """Recognise many pictures, into a folder of results of their own."""
        report_collection(self.recogniser, items, name, make_result_folder(self.results, name, source))

    def take_video(self, path: Path, name: str, source: str) -> None:
        """Recognise the faces in a video, into a folder of results of its own."""
        clip = open_video(path, name, self.frames_per_second)
        report_video(self.recogniser, clip, name, make_result_folder(self.results, name, source))


def is_zip(path: Path) -> bool:
    """Tell whether a file starts as zips do; that one ends so makes it no zip, but perhaps a picture."""
    with path.open("rb") as file:
        return file.read(4) in ZIP_STARTS
