"""Two portraits in the public domain, for what may be shown to everybody."""

from pathlib import Path

import matplotlib
import numpy as np
import skimage
from PIL import Image

from fer.faces.detection import crop_faces

COLLINS = Path(skimage.__file__).parent / "data" / "astronaut.png"  # Eileen Collins; NASA
HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"  # US Navy
FACE_BOXES = {COLLINS: (174, 64, 101, 101), HOPPER: (148, 98, 234, 234)}


def portrait_faces() -> np.ndarray:
    """Return both faces, (2, 48, 48, 1) uint8, framed as FER-2013 frames its faces."""
    portraits = {path: np.asarray(Image.open(path).convert("L")) for path in FACE_BOXES}
    faces = [crop_faces(portraits[path], np.array([box])) for path, box in FACE_BOXES.items()]
    return np.concatenate(faces)[..., None]
