"""Data that the tests make themselves, and the real data where it is at hand."""

import io
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import skimage
from PIL import Image, ImageOps

import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.data.fer2013 import EXPRESSIONS

matplotlib.use("Agg")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
ARCHIVE = Path(os.environ.get("FER2013_ARCHIVE", ROOT.parent / "shared" / "fer2013" / "archive.zip"))
HOPPER = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
COLLINS = Path(skimage.__file__).parent / "data" / "astronaut.png"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the slowest files, so that neither of two processes is left with one of them at the end."""
    items.sort(key=lambda item: item.path.stem not in ("test_notebooks", "test_faults", "test_jupyterlab"))


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
def one_far_behind(hopper: np.ndarray) -> Image.Image:
    """A frame of 640×480 with a face close to the camera and one of a quarter of its width."""
    frame = Image.new("RGB", (640, 480), "gray")
    frame.paste(Image.fromarray(hopper), (0, -20))
    frame.paste(Image.open(COLLINS).convert("RGB").crop((100, 0, 356, 256)).resize((125, 125)), (514, 10))
    return frame


@pytest.fixture(scope="session")
def two_faces(hopper: np.ndarray, collins: np.ndarray) -> np.ndarray:
    """Both portraits side by side; Grace Hopper's face, on the right, is the larger one."""
    canvas = np.full((600, 1024, 3), 128, np.uint8)
    canvas[:512, :512], canvas[:, 512:] = collins, hopper[:600]
    return canvas


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


@pytest.fixture
def downloaded(kaggle_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where kagglehub has FER-2013 in its cache, without network."""
    dataset = tmp_path / "cache" / "datasets" / "msambare" / "fer2013"
    zipfile.ZipFile(kaggle_zip).extractall(dataset / "versions" / "1")
    (dataset / "1.complete").touch()
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fer.data.download.KAGGLE_DATASET", "msambare/fer2013/versions/1")
    return dataset / "versions" / "1"


@pytest.fixture
def fake_colab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's package for Colab, as far as tests/fake_colab has it, can be imported."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "fake_colab"))
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    monkeypatch.setattr("google.__path__", [str(ROOT / "tests" / "fake_colab" / "google")], raising=False)


def outside_pytest() -> dict[str, str]:
    """Return the environment of a process whose kernels show what libraries write past Python; pytest's do not."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a real web server on this machine, and give its address without `http://`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system of its own; skips where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


KINDS = ("plain", "RGBA", "16 bits", "CMYK", "palette", "turned by EXIF")


def encode(picture: Image.Image, kind: str = "plain") -> bytes:
    """Encode a grey or coloured picture in one of the ways that people's files come in."""
    content = io.BytesIO()
    if kind == "16 bits":
        Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257).save(content, "PNG")
    elif kind == "CMYK":
        picture.convert("CMYK").save(content, "TIFF")
    elif kind == "turned by EXIF":
        exif = Image.Exif()
        exif[0x0112] = 6  # shown turned by 90° clockwise
        picture.convert("RGB").transpose(Image.Transpose.ROTATE_90).save(content, "JPEG", quality=95, exif=exif)
    else:
        picture.convert({"plain": "RGB", "RGBA": "RGBA", "palette": "P"}[kind]).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="session")
def portraits() -> dict[str, Image.Image]:
    """Two faces, small enough to be found fast."""
    collins = Image.open(COLLINS).convert("RGB").crop((100, 0, 400, 300)).resize((200, 200))
    return {"Collins": collins, "Hopper": Image.open(HOPPER).convert("RGB").resize((205, 240))}


@pytest.fixture(scope="session")
def odd_folder(tmp_path_factory: pytest.TempPathFactory, portraits: dict[str, Image.Image]) -> Path:
    """Three classes of odd names with eight pictures and more of all kinds, and what does not belong there."""
    folder = tmp_path_factory.mktemp("own") / "my pictures"
    faces = portraits["Hopper"], portraits["Collins"], ImageOps.mirror(portraits["Collins"])
    for name, face in zip(("<b>très  $x$ heureux<∕b>", "face", "鬼 or 😀"), faces, strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(9):
            kind = KINDS[number % len(KINDS)]
            changed = face.point(lambda value, light=1 - number / 40: value * light)
            (folder / name / f"{number} {kind}.jpg").write_bytes(encode(changed, kind))
    (folder / "face" / "broken.jpg").write_bytes(encode(portraits["Hopper"], "turned by EXIF")[:5000])
    (folder / "face" / "a wall.png").write_bytes(encode(Image.new("RGB", (200, 150), "grey")))
    (folder / "readme.txt").write_text("My pictures.")
    (folder / "face" / ".hidden").write_text("")
    return folder


def drawn(folder: Path, classes: tuple[str, ...], each: int = 40) -> Path:
    """Make a folder of drawn pictures whose classes are easy to tell apart, as wholes."""
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            (folder / name / f"{number}.png").write_bytes(png(drawn_face(label, number)))
    return folder
