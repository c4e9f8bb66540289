"""Write a video that browsers play."""

import math
import subprocess
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np

from fer.media.ffmpeg import common_clock, fit_into, local_input, read_errors, run_ffmpeg

LONGEST_WRITTEN_SIDE = 1280  # pixels


def video_writer(file: Path, frames_per_second: float) -> Generator[None, np.ndarray, None]:
    """Return a generator to which (height, width, 3) RGB uint8 frames are sent, and which writes an MP4.

    H.264 in yuv420p is what every browser plays. The first frame tells the size, up to 1280 pixels; others are fitted
    in. The video is whole when the generator is closed, or stopped by an interrupt; without a frame, there is none.
    OSError tells what the disk refuses.
    """
    writer = write_frames(file, frames_per_second)
    next(writer)
    return writer


def write_frames(file: Path, frames_per_second: float) -> Generator[None, np.ndarray, None]:
    """Write the frames of `video_writer`."""
    frame = yield
    scale = min(1, LONGEST_WRITTEN_SIDE / max(frame.shape))
    # yuv420p has one colour for four pixels: an odd side gets one pixel more.
    even = tuple(2 * math.ceil(round(side * scale) / 2) for side in frame.shape[:2])
    frames = ["-f", "image2pipe", "-c:v", "ppm", "-framerate", str(frames_per_second), "-i", "pipe:0"]
    coding = ["-vf", fit_into(even), "-c:v", "libx264", "-crf", "23", "-pix_fmt", "yuv420p"]
    with run_ffmpeg([*frames, *coding, *mp4_output(file)], stdin=subprocess.PIPE) as (process, log):
        try:
            while True:
                process.stdin.write(b"P6 %d %d 255\n" % (frame.shape[1], frame.shape[0]))
                process.stdin.write(np.ascontiguousarray(frame))
                frame = yield
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()
            require_success(process, log)


def add_sound(video: Path, source: Path, seconds: float, target: Path) -> None:
    """Write a video again, with the sound of another if that has any; raises OSError where that fails."""
    sound = ["-c:v", "copy", "-c:a", "aac", "-ac", "2", "-af", "aresample=async=1:first_pts=0"]
    inputs = ["-i", f"file:{video}", "-t", str(seconds), *local_input(source), "-map", "0:v", "-map", "1:a:0?"]
    with run_ffmpeg([*inputs, *sound, *mp4_output(target), *common_clock(1)]) as (process, log):
        require_success(process, log)


def mp4_output(file: Path) -> list[str]:
    """Return the arguments to write an MP4 that plays before all of it is there."""
    return ["-movflags", "+faststart", "-y", f"file:{file}"]


def require_success(process: subprocess.Popen, log: IO[bytes]) -> None:
    """Wait until ffmpeg has ended; raises OSError with the first error that it tells of."""
    if process.wait():
        raise OSError(next(iter(read_errors(log)), "ffmpeg failed"))
