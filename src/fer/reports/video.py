"""Recognise the faces in a video: a timeline, a table, and the video with boxes."""

import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import Video, display

from fer.faces.detection import MIN_FACE_SIDE, detect_in_video
from fer.faces.tracking import BOX_COLUMNS, steadied, track_faces
from fer.media.video_writing import add_sound, video_writer
from fer.media.videos import SampledVideo
from fer.notebook.errors import UserError, shown_user_errors, writable_folder, write_whole
from fer.notebook.progress import progress
from fer.recognition.drawing import annotate, render_figure
from fer.recognition.recogniser import Recogniser
from fer.reports.tables import pluralise, small_faces_hint
from fer.reports.timeline import plot_timeline, rows_of_single_frame, save_timeline, tabulate_timeline, timeline_rows

SHRUNK = 1.1  # times, from which on it matters for boxes and small faces
LARGEST_EMBEDDED = 20_000_000  # bytes; a notebook with a larger video in it is slow to open and to save


def report_video(recogniser: Recogniser, video: SampledVideo, name: str, folder: Path) -> None:
    """Recognise the faces in each frame of a video; show and save their table, a timeline and a new video.

    name: of the video, for people. folder: for timeline.csv, timeline.png and annotated.mp4. What was recognised before
    an interruption, or before a damaged file ends, is kept. Raises UserError for a video without a frame, and for a
    folder in which nothing can be written.
    """
    with writable_folder(folder), tempfile.TemporaryDirectory(prefix="unfinished-", dir=folder) as unfinished:
        annotated = Path(unfinished, "silent.mp4")
        record, frame_count = recognise_frames(recogniser, video, name, annotated)
        faces = pluralise(record["face"].nunique(), "face")
        print(f"{name}: {faces} in {pluralise(frame_count, 'frame')}{shrunk_hint(video) or small_faces_hint(record)}")
        if video.file:
            annotated = with_sound(annotated, video.file, frame_count / video.frames_per_second)
        annotated.replace(folder / "annotated.mp4")
        show_timeline(record, folder)


def recognise_frames(
    recogniser: Recogniser, video: SampledVideo, name: str, annotated: Path
) -> tuple[pd.DataFrame, int]:
    """Recognise and number the faces in each frame of a video, and write the frames with their boxes.

    Returns the timeline and the number of frames; raises UserError where there is none.
    """
    rows: list[tuple] = []
    tracks, boxes, new_numbers, frame_count, former = [], np.empty((0, 4), np.int64), count(1), 0, None
    bar = progress(video.frames, "Recognising", video.frame_count or None, unit="frames", leave=False)
    # A UserError tells that the rest of it cannot be read.
    with closing(bar), closing(video_writer(annotated, video.frames_per_second)) as writer, shown_user_errors():
        try:
            for seconds, image in bar:
                if not np.array_equal(image, former):  # where there are fewer than are read, one is given again
                    table = recogniser.recognise(image, steadied(detect_in_video, boxes), steady=True)
                    boxes, former = table[BOX_COLUMNS].to_numpy(), image
                tracks = track_faces(tracks, table, seconds, smoothing=1, new_numbers=new_numbers)
                seen = tracks[: len(table)]
                rows += timeline_rows(seen)
                writer.send(annotate(image, table.assign(face=[track.face for track in seen])))
                frame_count += 1
        except KeyboardInterrupt:
            if not frame_count:
                raise
            print("Stopped; what was recognised so far is kept.")
    if not frame_count:
        raise UserError(f"{name} has no frame that can be read. Save it as MP4 and try again.")
    if frame_count == 1:
        rows = rows_of_single_frame(tracks)
    return tabulate_timeline(rows, recogniser.classes), frame_count


def shrunk_hint(video: SampledVideo) -> str:
    """Return a sentence where faces were searched in smaller frames than the video has."""
    if video.shrunk < SHRUNK:
        return ""
    return (
        f". Its frames were shrunk to 1/{video.shrunk:.1f}: boxes are in pixels of these, and faces of less than"
        f" {MIN_FACE_SIDE * video.shrunk:.0f} pixels of the video may have been missed."
    )


def with_sound(silent: Path, source: Path, seconds: float) -> Path:
    """Return a copy of a video beside it with the sound of its source, or, where that fails, the video itself."""
    try:
        add_sound(silent, source, seconds, silent.with_name("annotated.mp4"))
    except (OSError, KeyboardInterrupt) as problem:
        print(f"The new video has no sound ({str(problem)[:100] or 'stopped'}).")
        return silent
    return silent.with_name("annotated.mp4")


def show_timeline(record: pd.DataFrame, folder: Path) -> None:
    """Save and show the timeline of a video, and show annotated.mp4, which is in the folder already."""
    save_timeline(record, folder / "timeline.csv")
    annotated = folder / "annotated.mp4"
    if len(record):
        timeline = render_figure(plot_timeline(record))
        write_whole(folder / "timeline.png", timeline)
        display(DisplayedImage(timeline))
    if annotated.stat().st_size <= LARGEST_EMBEDDED:
        display(Video(annotated, embed=True, mimetype="video/mp4", html_attributes="controls muted loop"))
    picture = ", timeline.png" if len(record) else ""
    print(f"Saved {folder}/: annotated.mp4, timeline.csv ({pluralise(len(record), 'row')}){picture}.")
