"""Run the ffmpeg that the wheels of imageio-ffmpeg bring along."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fer.notebook.errors import UserError

CONTAINERS = (
    "asf,avi,dv,flv,gxf,h264,hevc,ivf,live_flv,m4v,matroska,mov,mpeg,mpegts,mpegvideo,mxf,nut,ogg,rm,wtv,yuv4mpegpipe"
)


def local_input(file: Path) -> list[str]:
    """Return the arguments by which ffmpeg reads a video on this disk, and nothing else.

    Its name is not taken for an option, an address or a pattern of names, and it must be a container, not a playlist
    (HLS, DASH, concat), which could name any other file.
    """
    return ["-protocol_whitelist", "file", "-format_whitelist", CONTAINERS, "-i", f"file:{file}"]


def fit_into(shape: tuple[int, ...]) -> str:
    """Return the filters that scale a picture of square pixels into (height, width, …), with bars where it is short."""
    height, width = shape[:2]
    return f"scale={width}:{height}:force_original_aspect_ratio=decrease,format=rgb24,pad={width}:{height}:-1:-1"


def common_clock(number: int) -> list[str]:
    """Return the arguments by which picture and sound of an input count their time from the same moment.

    Of MPEG, ffmpeg would let it begin with the first packet of the stream that is used; so both are, copied to nowhere.
    """
    return ["-map", f"{number}:V:0", "-map", f"{number}:a:0?", "-c", "copy", "-frames", "1", "-f", "null", "-"]


@contextmanager
def run_ffmpeg(arguments: Sequence[str], **streams: int) -> Iterator[tuple[subprocess.Popen, IO[bytes]]]:
    """Start ffmpeg and give its process and its log, a file; it is killed when the block is left before it has ended.

    streams: stdin or stdout of `subprocess.Popen`, by default none. Raises UserError where there is no ffmpeg.
    """
    try:
        import imageio_ffmpeg

        program = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):
        raise UserError(
            "To read or write videos, run `%pip install imageio-ffmpeg` in a new cell and try again."
        ) from None
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [program, "-nostdin", "-hide_banner", "-nostats", "-v", "level+info", *arguments],
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams},
            stderr=log,
            # Wheels up to 0.6 hold static programs, which crash when MPEG-TS lets them load this system's charsets.
            env={**os.environ, "GCONV_PATH": os.devnull},
            start_new_session=True,  # interrupting the kernel must not end a video that is being written
        )
        with process:
            try:
                yield process, log
            finally:
                process.kill()


def read_errors(log: IO[bytes]) -> list[str]:
    """Return what ffmpeg's log says of errors, one line each."""
    return re.findall(r"\[(?:error|fatal)\] (.+)", read_log(log))


def read_log(log: IO[bytes]) -> str:
    """Return the first megabyte of a log."""
    log.seek(0)
    return log.read(1_000_000).decode(errors="replace")
