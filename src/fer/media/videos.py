"""Read a video or a picture file frame by frame, and write a video that browsers play."""

import math
import mimetypes
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from fer.media.pictures import decode_image
from fer.notebook.errors import UserError
from fer.notebook.paths import existing_path, to_printable

LONGEST_FRAME_SIDE = 640  # pixels, as the frames of the camera


class SampledVideo(NamedTuple):
    """A video of which some frames are read, at equal distances."""

    frames: Iterator[tuple[float, np.ndarray]]  # seconds, and (height, width, 3) RGB uint8, no side above 640 pixels
    frames_per_second: float  # of those that are read
    frame_count: int  # of those that are read; 0 where the file does not say


def read_frames(path: str, frames_per_second: float = 10) -> Iterator[tuple[float, np.ndarray]]:
    """Open a file whose path was typed; return an iterator of seconds and (height, width, 3) RGB uint8 frames.

    Of a video see `open_video`; a picture is a single frame. Raises UserError for a file that is missing or neither.
    """
    file = existing_path(path)
    if has_media_type(file.name, "image"):
        return iter([(0.0, shrink_frame(decode_image(file.read_bytes(), file.name)))])
    return open_video(file, to_printable(file.name), frames_per_second).frames


def open_video(file: Path, name: str, frames_per_second: float) -> SampledVideo:
    """Open a video, of which about `frames_per_second` frames for each of its seconds will be read.

    name: for people. A damaged video ends where it cannot be read on. Raises UserError for a file that is no video.
    """
    video = cv2.VideoCapture(str(file))
    if not video.isOpened():
        raise UserError(f"{name} is neither a picture nor a video that can be read here. Save it as MP4 or JPEG.")
    rate = video.get(cv2.CAP_PROP_FPS)
    rate = rate if 1 <= rate <= 240 else 25.0  # some containers do not know theirs
    step = max(1, round(rate / frames_per_second))
    frame_count = max(0, math.ceil(video.get(cv2.CAP_PROP_FRAME_COUNT) / step))
    return SampledVideo(sample_frames(video, rate, step), rate / step, frame_count)


def sample_frames(video: cv2.VideoCapture, rate: float, step: int) -> Iterator[tuple[float, np.ndarray]]:
    """Yield seconds and RGB frames of an opened video of `rate` frames a second, one in `step` of them."""
    number = 0
    while video.grab():  # cheap: only the frames that are wanted are converted
        if number % step == 0:
            is_read, frame = video.retrieve()
            if is_read:
                yield number / rate, shrink_frame(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        number += 1
    video.release()


def has_media_type(name: str, media_type: str) -> bool:
    """Tell whether a file's name ends as those of a media type do: "image" or "video"."""
    return (mimetypes.guess_type(name)[0] or "").startswith(f"{media_type}/")


def shrink_frame(image: np.ndarray) -> np.ndarray:
    """Return a (height, width, 3) picture with no side longer than 640 pixels."""
    scale = LONGEST_FRAME_SIDE / max(image.shape)
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def video_writer(file: Path, shape: tuple[int, ...], frames_per_second: float) -> Generator[None, np.ndarray, None]:
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
        fps=frames_per_second,
        codec="libx264",
        quality=None,
        macro_block_size=1,
        ffmpeg_log_level="error",
        # yuv420p has one colour for four pixels: an odd side gets one pixel more. faststart: plays before all is there.
        output_params=["-crf", "23", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-movflags", "+faststart"],
    )
    writer.send(None)
    return writer
