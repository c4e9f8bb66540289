"""The faces of two portraits in the public domain, for what may be shown to everybody."""

import numpy as np
from PIL import Image

from fer.faces.detection import crop_faces
from fer.media.samples import COLLINS, HOPPER

FACE_BOXES = {COLLINS: (174, 64, 101, 101), HOPPER: (148, 98, 234, 234)}


def portrait_faces() -> np.ndarray:
    """Return both faces, (2, 48, 48, 1) uint8, framed as FER-2013 frames its faces."""
    portraits = {path: np.asarray(Image.open(path).convert("L")) for path in FACE_BOXES}
    faces = [crop_faces(portraits[path], np.array([box])) for path, box in FACE_BOXES.items()]
    return np.concatenate(faces)[..., None]
