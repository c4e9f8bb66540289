"""Recognise the faces in a video: a timeline, a table, and the video with boxes."""

from collections.abc import Generator
from contextlib import closing
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import Video, display

from fer.faces.detection import detect_in_video
from fer.faces.tracking import track_faces
from fer.media.videos import SampledVideo
from fer.notebook.errors import UserError
from fer.notebook.progress import progress
from fer.recognition.drawing import annotate, as_png
from fer.recognition.recogniser import Recogniser
from fer.reports.picture import pluralise
from fer.reports.timeline import plot_timeline, save_timeline, timeline_columns, timeline_rows

LARGEST_EMBEDDED = 20_000_000  # bytes; a notebook with a larger video in it is slow to open and to save


def report_video(recogniser: Recogniser, clip: SampledVideo, name: str, folder: Path) -> None:
    """Recognise the faces in each frame of a video; show and save their table, a timeline and a new video.

    name: of the video, for people. folder: for timeline.csv, timeline.png and annotated.mp4. What was recognised before
    an interruption is kept. Raises UserError for a video without a frame.
    """
    bar = progress(clip.frames, "Recognise", clip.length or None, unit="frames", leave=False)
    with closing(bar):
        seen = iter(bar)  # once: a bar that TQDM_DISABLE hides has no frames left for a second iterator
        first = next(seen, None)
        if first is None:
            raise UserError(f"{name} has no frame that can be read. Save it as MP4 and try again.")
        rows: list[tuple] = []
        followed, highest, frames = [], 0, 0
        with closing(video_writer(folder / "unfinished.mp4", first[1].shape, clip.per_second)) as writer:
            try:
                for seconds, image in chain([first], seen):
                    table = recogniser.recognise(image, detect_in_video)
                    followed = track_faces(followed, table, seconds, smoothing=1, last_number=highest)
                    highest = max((highest, *(face.face for face in followed)))
                    rows += timeline_rows(seconds, table, followed)
                    numbers = [face.face for face in followed[: len(table)]]
                    writer.send(np.ascontiguousarray(annotate(image, table.assign(face=numbers))))
                    frames += 1
            except KeyboardInterrupt:
                print("Stopped; what was recognised so far is kept.")
    (folder / "unfinished.mp4").replace(folder / "annotated.mp4")
    print(f"{name}: {pluralise(highest, 'face')} in {pluralise(frames, 'frame')}")
    show_timeline(pd.DataFrame(rows, columns=timeline_columns(recogniser.classes)), folder)


def show_timeline(record: pd.DataFrame, folder: Path) -> None:
    """Save and show the timeline of a video, and show annotated.mp4, which is in the folder already."""
    save_timeline(record, folder / "timeline.csv")
    video = folder / "annotated.mp4"
    if len(record):
        timeline = as_png(plot_timeline(record))
        (folder / "timeline.png").write_bytes(timeline)
        display(DisplayedImage(timeline))
    if video.stat().st_size <= LARGEST_EMBEDDED:
        display(Video(video, embed=True, mimetype="video/mp4", html_attributes="controls muted loop"))
    picture = ", timeline.png" if len(record) else ""
    print(f"Saved {folder}/: annotated.mp4, timeline.csv ({pluralise(len(record), 'row')}){picture}.")


def video_writer(file: Path, shape: tuple[int, int, int], per_second: float) -> Generator[None, np.ndarray, None]:
    """Return a generator to which (height, width, 3) RGB uint8 frames of one shape are sent, and which writes an MP4.

    H.264 in yuv420p is what every browser plays; OpenCV's own wheels cannot write it. Raises UserError where there is
    no imageio-ffmpeg, whose wheels bring ffmpeg along.
    """
    try:
        import imageio_ffmpeg
    except ImportError:
        raise UserError("To write a video, run `%pip install imageio-ffmpeg` in a new cell and try again.") from None
    height, width, _ = shape
    writer = imageio_ffmpeg.write_frames(
        str(file),
        (width, height),
        fps=per_second,
        codec="libx264",
        quality=None,
        macro_block_size=1,
        ffmpeg_log_level="error",
        # yuv420p has one colour for four pixels: an odd side gets one pixel more. faststart: plays before all is there.
        output_params=["-crf", "23", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-movflags", "+faststart"],
    )
    writer.send(None)
    return writer
