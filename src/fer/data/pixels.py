"""Read one face of 48×48 from a file or from the text in which tables have it, and write that."""

import warnings

import cv2
import numpy as np

from fer.expressions import SIDE
from fer.media.collections import PictureFile
from fer.notebook.errors import UserError

MAX_IMAGE_BYTES = 1_000_000  # a real one has about 1,600
# Every grey value as four bytes, "7 \\0\\0" for 7: one look-up writes a whole picture, six times as fast as str() does.
GREY_TEXTS = np.array([f"{value} ".encode() for value in range(256)], dtype="S4").view(np.uint32)


def read_face_file(file: PictureFile) -> np.ndarray:
    """Read a JPEG or PNG to (48, 48) uint8; raises UserError."""
    if file.size > MAX_IMAGE_BYTES:
        raise UserError(f"{file.size:,} bytes, more than {MAX_IMAGE_BYTES:,}")
    content = file.read()
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if content else None
    if image is None:
        raise UserError("not a readable picture")
    if image.shape != (SIDE, SIDE):
        raise UserError(f"{image.shape[1]}×{image.shape[0]} pixels instead of {SIDE}×{SIDE}")
    return image


def parse_pixels(text: str) -> np.ndarray:
    """Parse 2304 integers 0–255, separated by spaces or commas, to (48, 48) uint8; raises UserError."""
    try:
        with warnings.catch_warnings(action="error"):  # older numpy only warns of what is no number
            pixels = np.fromstring(text.strip("[]").replace(",", " "), np.int64, sep=" ")
    except (ValueError, DeprecationWarning):
        raise UserError("pixels that are not whole numbers from 0 to 255") from None
    if len(pixels) != SIDE * SIDE:
        raise UserError(f"{len(pixels)} pixels instead of {SIDE * SIDE}")
    if pixels.min() < 0 or pixels.max() > 255:
        raise UserError(f"pixels from {pixels.min()} to {pixels.max()} instead of 0 to 255")
    return pixels.astype(np.uint8).reshape(SIDE, SIDE)


def format_pixels(image: np.ndarray) -> str:
    """Write a (48, 48) uint8 image as 2304 space-separated integers."""
    return GREY_TEXTS[image.ravel()].tobytes().translate(None, b"\0").decode().rstrip()
