"""Data that the tests make themselves, and the real data where it is at hand."""

import io
import os
import sys
import zipfile
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import skimage
from PIL import Image

import fer.environment  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.dataset import EXPRESSIONS

matplotlib.use("Agg")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
ARCHIVE = Path(os.environ.get("FER2013_ARCHIVE", ROOT.parent / "shared" / "fer2013" / "archive.zip"))
HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
COLLINS = Path(skimage.__file__).parent / "data" / "astronaut.png"


@pytest.fixture(scope="session")
def archive() -> Path:
    """The real FER-2013, in Kaggle's layout."""
    if not ARCHIVE.exists():
        pytest.skip(f"the real FER-2013 is not at {ARCHIVE}")
    return ARCHIVE


@pytest.fixture(scope="session")
def hopper() -> np.ndarray:
    return np.asarray(Image.open(HOPPER).convert("RGB"))


@pytest.fixture(scope="session")
def collins() -> np.ndarray:
    return np.asarray(Image.open(COLLINS).convert("RGB"))


@pytest.fixture(scope="session")
def recogniser() -> "Recogniser":  # noqa: F821
    """The committed network."""
    from fer.recognition import Recogniser  # here, because TensorFlow takes seconds and many tests need none

    return Recogniser.load(ROOT / "models")


def drawn_face(label: int, number: int) -> np.ndarray:
    """A 48×48 picture whose pattern tells its class: a bright bar at a height of its own, with noise."""
    noise = np.random.default_rng(1000 * label + number).integers(0, 60, (48, 48))
    noise[4 + 9 * label : 10 + 9 * label, 6:42] += 150
    return noise.astype(np.uint8)


def png(image: np.ndarray) -> bytes:
    """Encode without loss."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def write_kaggle_zip(path: Path) -> None:
    """Write a zip in Kaggle's layout with pictures of our own: 40 for training and 12 for testing a class.

    As in the real one, a test picture also occurs in training, one occurs under two labels, one repeats another.
    """
    with zipfile.ZipFile(path, "w") as file:
        for label, name in enumerate((*EXPRESSIONS, "disgust", "fear")):
            for number in range(40):
                file.writestr(f"train/{name}/Training_{label}{number:04d}.png", png(drawn_face(label % 5, number)))
            for number in range(40, 52):
                file.writestr(f"test/{name}/PublicTest_{label}{number:04d}.png", png(drawn_face(label % 5, number)))
        file.writestr("train/happy/Training_leaked.png", png(drawn_face(1, 40)))
        file.writestr("train/sad/Training_disputed.png", png(drawn_face(0, 7)))
        file.writestr("train/neutral/Training_repeated.png", png(drawn_face(4, 3)))


@pytest.fixture(scope="session")
def kaggle_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See write_kaggle_zip."""
    path = tmp_path_factory.mktemp("data") / "made.zip"
    write_kaggle_zip(path)
    return path
