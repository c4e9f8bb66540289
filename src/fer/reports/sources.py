"""Recognise whatever is brought: a picture, a folder, a zip, a video, a web address, uploads."""

import os
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from IPython.display import display

from fer.media.collections import PictureFile, copy_to_disk, list_folder, list_uploads, list_zip, open_file
from fer.media.samples import COLLINS, HOPPER
from fer.media.videos import has_media_type, is_video, open_video
from fer.media.web import fetch_picture
from fer.notebook.errors import UserError
from fer.notebook.paths import existing_path, make_result_folder, sha256_hex, to_printable
from fer.recognition.picture import RecognisedPicture
from fer.recognition.recogniser import Recogniser
from fer.reports.collection import report_collection
from fer.reports.picture import format_faces, report_picture
from fer.reports.video import report_video

ZIP_STARTS = (b"PK\3\4", b"PK\5\6")  # the second: of an empty one
MOST_SHOWN = 12  # uploaded pictures; of more, a contact sheet is shown


@dataclass
class Reporter:
    """Recognises what it is given, shows the results and saves them."""

    recogniser: Recogniser
    results: Path
    frames_per_second: float = 5  # of a video
    pictures: list[RecognisedPicture] = field(default_factory=list)  # those shown last, one by one
    has_own: bool = False  # whether it was given anything but the samples

    def report_samples(self) -> None:
        """Recognise the two sample portraits."""
        print(
            "No file of your own so far, so here are two portraits in the public domain:\n"
            "Rear Admiral Grace Hopper (US Navy) and the astronaut Eileen Collins (NASA)."
        )
        self.report_pictures([(path.name, path.read_bytes()) for path in (HOPPER, COLLINS)])

    def report_source(self, source: str) -> None:
        """Recognise what a typed path or address leads to; raises UserError."""
        source = source.strip().strip("\"'")  # as some file managers copy a path
        self.has_own = True
        if source.lower().startswith(("http://", "https://")):
            self.report_pictures([fetch_picture(source)])
            return
        if "://" in source:
            raise UserError(f"{to_printable(source)[:100]} is neither a path nor an http(s) address.")
        path = existing_path(source)
        try:
            self.report_path(path, to_printable(path.name), sha256_hex(os.fsencode(path.resolve())))
        except OSError as error:
            raise UserError(f"{to_printable(path.name)} cannot be read ({error.strerror}).") from None

    def report_uploads(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Recognise uploads, given as name and bytes; the samples where there are none.

        Up to a dozen pictures are shown one by one, more on contact sheets; each zip and each video has a report of its
        own. What is wrong with one is said, and the next has its turn.
        """
        if not files:
            self.report_samples()
            return
        self.has_own, pictures = True, []
        for file, (_, content) in zip(list_uploads(files), files, strict=True):
            if content.startswith(ZIP_STARTS) or is_video(file):
                self.report_one_of_many(file, sha256_hex(content))
            else:
                pictures.append((file.name, content))
        if len(pictures) <= MOST_SHOWN:
            self.report_pictures(pictures)
        else:
            uploads = list_uploads(pictures)
            self.report_files(uploads, "uploads", sha256_hex("\n".join(sorted(file.key for file in uploads)).encode()))

    def report_path(self, path: Path, name: str, source: str) -> None:
        """Recognise what is in a folder or a file; name: printable; source: tells it from others of that name."""
        if path.is_dir():
            self.report_files(list_folder(path), name, source)
        elif is_zip(path):
            self.report_files(list_zip(path, name), name, source)
        elif is_video(file := open_file(path, name)):
            video = open_video(path, name, self.frames_per_second)
            with closing(video.frames):
                report_video(self.recogniser, video, name, make_result_folder(self.results, name, source))
        else:
            self.report_pictures([(name, file.read())])

    def report_one_of_many(self, file: PictureFile, source: str) -> None:
        """Recognise a video or what is in a zip; what is wrong with it is said, so that the next has its turn."""
        try:
            copy = file if file.path else copy_to_disk(file)
            self.report_path(copy.path, file.name, source)
        except UserError as problem:
            print(problem)
        except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            print(f"{file.name} cannot be read ({error}).")

    def report_pictures(self, pictures: Sequence[tuple[str, bytes]]) -> None:
        """Recognise pictures, given as printable name and bytes, and show them one by one, then the table of all."""
        self.pictures = []
        for name, content in pictures:
            try:
                self.pictures.append(report_picture(self.recogniser, name, content, self.results))
            except UserError as problem:
                print(problem)
        tables = [picture.table.assign(file=picture.name) for picture in self.pictures if len(picture.table)]
        if tables:
            display(format_faces(pd.concat(tables)))

    def report_files(self, files: list[PictureFile], name: str, source: str) -> None:
        """Recognise many pictures, into a folder of results of their own, then each video among them."""
        pictures, videos = [], []
        for file in files:
            # Not opened where its name says picture: on a mounted drive, that takes as long as to read it.
            may_be_video = not has_media_type(file.name, "image")
            (videos if may_be_video and is_video(file) else pictures).append(file)
        if pictures:
            report_collection(self.recogniser, pictures, name, make_result_folder(self.results, name, source))
        for video in videos:
            self.report_one_of_many(video, sha256_hex(f"{source} {video.key}".encode(errors="backslashreplace")))


def is_zip(path: Path) -> bool:
    """Tell whether a file starts as zips do; that one ends so makes it no zip, but perhaps a picture."""
    with path.open("rb") as file:
        return file.read(4) in ZIP_STARTS
