"""Two portraits in the public domain that come with Python packages, and a zip and a video made of them."""

import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import matplotlib
import numpy as np
import skimage
from PIL import Image, ImageFilter, ImageOps

from fer.media.video_writing import video_writer

HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"  # Rear Admiral Grace Hopper, US Navy
COLLINS = Path(skimage.__file__).parent / "data" / "astronaut.png"  # the astronaut Eileen Collins, NASA


def portrait_frames(count: int) -> Iterator[np.ndarray]:
    """Yield (400, 640, 3) uint8 frames: Collins drifts to the right while the light goes down, Hopper stands still."""
    collins = Image.open(COLLINS).convert("RGB").resize((400, 400))
    hopper = Image.open(HOPPER).resize((300, 350))
    for share in np.linspace(0, 1, count):
        frame = Image.new("RGB", (640, 400), "gray")
        frame.paste(hopper, (340, 50))
        light = 1 - 0.8 * share
        frame.paste(collins.point(lambda value, light=light: value * light), (round(50 * share) - 70, 0))
        yield np.asarray(frame)


def write_sample_video(file: Path) -> Path:
    """Write a video of five seconds; see `portrait_frames`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(video_writer(file, frames_per_second=10)) as writer:
        for frame in portrait_frames(50):
            writer.send(frame)
    return file


def write_sample_zip(file: Path) -> Path:
    """Write a zip of both portraits as they are, mirrored, dark and blurred, and of a text file named notes.jpg."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.jpg", "Both portraits are in the public domain.")
        for path in (COLLINS, HOPPER):
            portrait = Image.open(path).convert("RGB")
            states = {
                "as JPEG": portrait,
                "mirrored": ImageOps.mirror(portrait),
                "dark": portrait.point(lambda value: value // 5),
                "blurred": portrait.filter(ImageFilter.GaussianBlur(6)),
            }
            for state, picture in states.items():
                with archive.open(f"{path.stem}/{state}.jpg", "w") as member:
                    picture.save(member, "JPEG")
    return file
