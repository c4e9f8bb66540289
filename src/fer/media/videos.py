"""Read a video or a picture file frame by frame."""

import itertools
import math
import mimetypes
import re
import subprocess
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import NamedTuple

import cv2
import numpy as np

from fer.media.collections import PictureFile, open_file
from fer.media.ffmpeg import common_clock, fit_into, local_input, read_errors, read_log, run_ffmpeg
from fer.media.pictures import A_VIDEO, count_pages, decode_image, describe_content, is_picture
from fer.notebook.errors import UserError
from fer.notebook.paths import existing_path, to_printable

LONGEST_FRAME_SIDE = 1920  # pixels of a frame in which faces are detected
LONGEST_LIVE_SIDE = 640  # pixels, as the frames of the camera
LONGEST_WAIT = 60  # seconds for one frame, which takes milliseconds
MIN_RATE = 1  # frames a second that are read: of a slower video, the same again, so that no face seems to be away


class SampledVideo(NamedTuple):
    """A video of which some frames are read, at equal distances."""

    # Seconds from the file's beginning, and (height, width, 3) RGB uint8; raises UserError after the last that can be
    # read of a damaged file.
    frames: Generator[tuple[float, np.ndarray], None, None]
    frames_per_second: float  # of those that are read
    frame_count: int  # of those that are read, roughly; 0 where the file does not say
    file: Path | None = None  # where its sound is
    shrunk: float = 1  # how many times longer the sides of the video itself are, in pixels


def is_video(file: PictureFile) -> bool:
    """Tell by its first bytes whether a file is a video, and by its name where they tell nothing."""
    with suppress(Exception), file.open() as content:  # who reads it next says what is wrong with it
        start = content.read(1024)
        is_named = has_media_type(file.name, "video") and start != b""
        return describe_content(start) == A_VIDEO or (is_named and not is_picture(content))
    return False


def has_media_type(name: str, media_type: str) -> bool:
    """Tell whether a file's name ends as those of a media type do: "image" or "video"."""
    return (mimetypes.guess_type(name)[0] or "").startswith(f"{media_type}/")


def read_frames(path: str, frames_per_second: float = 10) -> Iterator[tuple[float, np.ndarray]]:
    """Open a file whose path was typed; return an iterator of seconds and (height, width, 3) RGB uint8 frames.

    No side is longer than 640 pixels. Of a video see `SampledVideo`; a picture is a single frame. Raises UserError for
    a file that is missing or neither.
    """
    path = existing_path(path)
    file = open_file(path, to_printable(path.name))
    if path.is_dir() or is_video(file):
        return open_video(path, file.name, frames_per_second, LONGEST_LIVE_SIDE).frames
    content = file.read()
    image = decode_image(content, file.name)
    count = count_pages(content)
    if count > 1:
        print(f"{file.name} has {count} pages or frames; number 1 is taken.")
    scale = min(1, LONGEST_LIVE_SIDE / max(image.shape))
    return iter([(0.0, cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))])


def open_video(file: Path, name: str, frames_per_second: float, longest_side: int = LONGEST_FRAME_SIDE) -> SampledVideo:
    """Open a video, of which about `frames_per_second` frames for each of its seconds will be read, one at least.

    name: for people. Each frame is what a player shows at its time: upright, with square pixels and without the combs
    of interlacing; a larger one is shrunk to a longest side in pixels, and one of another shape than the first is
    fitted in. Raises UserError for a file that is no video.
    """
    first, rate, seconds, shrunk = probe_video(file, name, longest_side)
    rate = max(MIN_RATE, min(rate or frames_per_second, frames_per_second))
    return SampledVideo(sample_frames(file, name, first.shape, rate), rate, math.ceil(seconds * rate), file, shrunk)


def probe_video(file: Path, name: str, longest_side: int) -> tuple[np.ndarray, float, float, float]:
    """Return the first frame of a video, how many it has a second at most, its seconds (0 where unknown), and `shrunk`.

    Raises UserError where there is no such frame.
    """
    scale = f"min(1,{longest_side}/max(iw*sar,ih))"
    filters = f"scale='max(1,round(iw*sar*{scale}))':'max(1,round(ih*{scale}))'"
    with run_ffmpeg([*local_input(file), "-frames:v", "1", *ppm_output(filters)], stdout=subprocess.PIPE) as (
        process,
        log,
    ):
        frame = read_ppm(process)
        process.wait()
        text = read_log(log)
    text = text.partition("Output #0")[0]
    tracks = re.findall(r"Video: (?!.*attached pic).*", text)  # no cover pictures
    # "tbr" is the lowest rate that has all its frames, "fps" their mean; "k" are thousands.
    rate = re.search(r" ([\d.]+) tbr", tracks[0]) if tracks else None
    if frame is None and "Audio: " in text and not tracks:
        raise UserError(f"{name} is sound without a picture: there is no face to recognise.")
    if frame is None:
        raise UserError(
            f"{name} is neither a picture nor a video that can be read here. Copy it again if it is cut off; otherwise"
            " save it as MP4 or JPEG."
        )
    if len(tracks) > 1:
        print(f"{name} has {len(tracks)} video tracks; the first is taken.")
    size = re.search(r", (\d+)x(\d+)", tracks[0]) if tracks else None
    shrunk = max(1, max(map(int, size.groups())) / max(frame.shape)) if size else 1
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", text)
    hours, minutes, seconds = map(float, length.groups()) if length else (0, 0, 0)
    return frame, float(rate[1]) if rate else 0.0, 3600 * hours + 60 * minutes + seconds, shrunk


def sample_frames(
    file: Path, name: str, shape: tuple[int, ...], rate: float
) -> Generator[tuple[float, np.ndarray], None, None]:
    """Yield the frames of `SampledVideo`, of a (height, width, 3) shape, `rate` a second."""
    filters = (
        "bwdif=mode=send_frame:deint=interlaced",
        # The frame that is shown at that time, not the nearest; a millisecond for containers that round to one.
        f"settb=AVTB,setpts=PTS-1000,fps=fps={rate}:start_time=0:round=up",
        f"scale=iw*sar:ih,setsar=1,{fit_into(shape)}",
    )
    output = [*ppm_output(",".join(filters)), *common_clock(0)]
    with run_ffmpeg([*local_input(file), *output], stdout=subprocess.PIPE) as (process, log):
        for number in itertools.count():
            frame = read_ppm(process)
            if frame is None:
                break
            yield number / rate, frame
        failed, errors = process.wait(), read_errors(log)
    if failed or errors:
        raise UserError(f"{name} is damaged or cut off: {number / rate:.1f} seconds of it could be read.")


def ppm_output(filters: str) -> list[str]:
    """Return the arguments to write the first video stream, no cover picture, as PPM (8 bits), which tells its size."""
    return ["-map", "0:V:0", "-vf", filters, "-c:v", "ppm", "-pix_fmt", "rgb24", "-f", "image2pipe", "-"]


def read_ppm(process: subprocess.Popen) -> np.ndarray | None:
    """Read a (height, width, 3) uint8 picture in the format PPM from a process, which is killed where it hangs.

    Returns None when there is none any more.
    """
    watchdog = Timer(LONGEST_WAIT, process.kill)
    watchdog.start()
    try:
        _, size, _ = (process.stdout.readline() for _ in range(3))
        width, height = map(int, size.split() or (0, 0))
        pixels = process.stdout.read(3 * width * height)
    finally:
        watchdog.cancel()
    is_whole = 0 < 3 * width * height == len(pixels)
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3) if is_whole else None
