"""Recognise whatever is brought: a picture, a folder, a zip, a video, a web address, uploads."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from fer.media.archives import is_archive, list_files
from fer.media.collections import PictureFile, copy_to_disk, is_visible_file, list_uploads, readable
from fer.media.samples import COLLINS, HOPPER
from fer.media.videos import has_media_type, is_video, open_video
from fer.media.web import fetch_picture
from fer.notebook.errors import UserError, shown_user_errors, writable_folder
from fer.notebook.front_end import no_vertical_scroll
from fer.notebook.paths import existing_path, make_result_folder, sha256_hex, to_printable
from fer.recognition.picture import RecognisedPicture
from fer.recognition.recogniser import Recogniser
from fer.reports.collection import report_collection
from fer.reports.picture import report_explanation, report_picture
from fer.reports.tables import show_faces
from fer.reports.video import report_video

MOST_SHOWN = 12  # uploaded pictures; of more, a contact sheet is shown


@dataclass
class Reporter:
    """Recognises what it is given, shows the results and saves them."""

    recogniser: Recogniser
    results: Path = Path("results")
    frames_per_second: float = 5  # of a video
    # Those shown last, one by one, by where they are saved, without ending.
    pictures: dict[Path, RecognisedPicture] = field(default_factory=dict)
    has_own_files: bool = False  # whether the user brought any

    def report(self, source: str) -> None:
        """Recognise what a typed path or address leads to; raises UserError."""
        no_vertical_scroll()
        self.has_own_files, self.pictures = True, {}
        source = source.strip().strip("\"'")  # as some file managers copy a path
        if source.lower().startswith(("http://", "https://")):
            self.report_picture(*fetch_picture(source))
        elif "://" in source:
            raise UserError(f"{to_printable(source)[:100]} is neither a path nor an http(s) address.")
        else:
            path = existing_path(source)
            self.report_path(path, to_printable(path.name), sha256_hex(os.fsencode(path.resolve())))
        self.show_table()

    def report_uploads(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Recognise uploads, given as name and bytes; two portraits where there are none.

        Up to a dozen pictures are shown one by one, more on contact sheets; each archive and each video has a report of
        its own. What is wrong with one is said, and the next has its turn.
        """
        no_vertical_scroll()
        self.has_own_files, self.pictures = bool(files), {}
        if not files:
            print(
                "No file of your own so far, so here are two portraits in the public domain:\n"
                "Rear Admiral Grace Hopper (US Navy) and the astronaut Eileen Collins (NASA)."
            )
            files = [(path.name, path.read_bytes()) for path in (HOPPER, COLLINS)]
        pictures = []
        for file, (_, content) in zip(list_uploads(files), files, strict=True):
            if is_archive(file) or is_video(file):
                self.report_one_of_many(file, sha256_hex(content))
            else:
                pictures.append((file, content))
        if len(pictures) > MOST_SHOWN:
            uploads = [file for file, _ in pictures if is_visible_file(file.name)]
            self.report_files(uploads, "uploads", sha256_hex("\n".join(sorted(file.key for file in uploads)).encode()))
            return
        for file, content in pictures:
            with shown_user_errors():
                self.report_picture(file.name, content)
        self.show_table()

    def report_sample(self, name: str, write: Callable[[Path], Path]) -> None:
        """Recognise a sample file, which `write` writes, unless the user brought files."""
        no_vertical_scroll()
        if self.has_own_files:
            print("You brought your own files: their results are in section 2.")
            return
        samples = replace(self, results=self.results / "samples")
        samples.report_path(write(samples.results / name), name, sha256_hex(name.encode()))

    def explain(self, face: int) -> None:
        """Show which parts of the face of that number mattered, in each picture that was shown one by one."""
        no_vertical_scroll()
        with_faces = {saved: picture for saved, picture in self.pictures.items() if len(picture.table)}
        for saved, picture in with_faces.items():
            report_explanation(self.recogniser, picture, face, saved)
        if not with_faces:
            print(
                "Only faces in single photos are explained: bring up to twelve photos, not a folder, a zip or a video."
            )

    def report_path(self, path: Path, name: str, fingerprint: str) -> None:
        """Recognise what is in a folder or a file; name: printable; fingerprint: tells it from others of that name."""
        files, problems = list_files(path, name)
        print("".join(f"{problem}\n" for problem in problems), end="")
        if [file.path for file in files] != [path]:
            self.report_files(files, name, fingerprint)
        elif is_video(files[0]):
            video = open_video(path, name, self.frames_per_second)
            with closing(video.frames):
                report_video(self.recogniser, video, name, make_result_folder(self.results, name, fingerprint))
        else:
            self.report_picture(name, files[0].read())

    def report_one_of_many(self, file: PictureFile, fingerprint: str) -> None:
        """Recognise a video or what is in an archive; what is wrong with it is said, so that the next has its turn."""
        with shown_user_errors():
            with readable(file.name):
                copy = file if file.path else copy_to_disk(file)
            self.report_path(copy.path, file.name, fingerprint)

    def report_picture(self, name: str, content: bytes) -> None:
        """Recognise one picture, given as printable name and bytes; raises UserError."""
        saved, picture = report_picture(self.recogniser, name, content, self.results)
        self.pictures[saved] = picture

    def show_table(self) -> None:
        """Show the faces of the pictures that were shown one by one in one table."""
        tables = [picture.table.assign(file=picture.name) for picture in self.pictures.values() if len(picture.table)]
        if tables:
            show_faces(pd.concat(tables), 40, "the pictures' .csv files")

    def report_files(self, files: list[PictureFile], name: str, fingerprint: str) -> None:
        """Recognise many pictures, into a folder of results of their own, then each video among them."""
        pictures, videos = [], []
        for file in files:
            # Not opened where its name says picture: on a mounted drive, that takes as long as to read it.
            may_be_video = not has_media_type(file.name, "image")
            (videos if may_be_video and is_video(file) else pictures).append(file)
        if pictures:
            with shown_user_errors(), writable_folder(make_result_folder(self.results, name, fingerprint)) as folder:
                report_collection(self.recogniser, pictures, name, folder)
        for video in videos:
            self.report_one_of_many(video, sha256_hex(f"{fingerprint} {video.key}".encode(errors="backslashreplace")))
