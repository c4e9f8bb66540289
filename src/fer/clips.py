"""Read a video or a picture file frame by frame."""

import mimetypes
from collections.abc import Iterator

import cv2
import numpy as np

from fer.environment import UserError
from fer.pictures import decode_upload
from fer.uploads import find_file

LONGEST_FRAME_SIDE = 640  # pixels, as the frames of the camera


def read_frames(path: str, per_second: float = 10) -> Iterator[tuple[float, np.ndarray]]:
    """Open a file whose path was typed; return an iterator of seconds and (height, width, 3) RGB uint8 frames.

    Of a video about `per_second` frames for each of its seconds, no side longer than 640 pixels; a picture is a single
    frame. Raises UserError for a file that is missing or neither; a damaged video ends where it cannot be read on.
    """
    file = find_file(path)
    if (mimetypes.guess_type(file.name)[0] or "").startswith("image/"):
        return iter([(0.0, shrink(decode_upload(file.read_bytes(), file.name)))])
    video = cv2.VideoCapture(str(file))
    if not video.isOpened():
        raise UserError(f"{file.name} is neither a picture nor a video that can be read here. Save it as MP4 or JPEG.")
    return sample_video(video, per_second)


def sample_video(video: cv2.VideoCapture, per_second: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield seconds and RGB frames of an opened video, at equal distances; see `read_frames`."""
    rate = video.get(cv2.CAP_PROP_FPS)
    rate = rate if 1 <= rate <= 240 else 25.0  # some containers do not know theirs
    step = max(1, round(rate / per_second))
    number = 0
    while video.grab():  # cheap: only the frames that are wanted are converted
        if number % step == 0:
            readable, frame = video.retrieve()
            if readable:
                yield number / rate, shrink(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        number += 1
    video.release()


def shrink(image: np.ndarray) -> np.ndarray:
    """Return a (height, width, 3) picture with no side longer than 640 pixels."""
    scale = LONGEST_FRAME_SIDE / max(image.shape)
    if scale >= 1:
        return image
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
