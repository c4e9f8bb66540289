"""Random bytes, shapes and dtypes: a picture, a table, or one sentence; and pictures of 100 megapixels."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import COLLINS, HOPPER, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from fer.expressions import EXPRESSIONS
from fer.media.pictures import MOST_PIXELS, UnreadablePictureError, decode_image
from fer.notebook.paths import safe_stem, to_printable
from fer.recognition.drawing import annotate
from fer.recognition.recogniser import COLUMNS, Recogniser
from fer.recognition.uncertainty import face_label

quickly = settings(deadline=None, derandomize=True, max_examples=60)


def encodings() -> list[bytes]:
    """Return one small picture in every format."""
    picture = Image.open(COLLINS).convert("RGB").resize((40, 30))
    contents = []
    for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO"):
        content = io.BytesIO()
        picture.save(content, kind)
        contents.append(content.getvalue())
    return contents


ENCODED = encodings()
STARTS = [content[:16] for content in ENCODED] + [b"", b"\0\0\0\x18ftypheic", b"%PDF", b"RIFF", b"PK\3\4", b"<html"]


def decodes_or_says_why(content: bytes) -> None:
    try:
        image = decode_image(content, "a.jpg")
    except UnreadablePictureError as problem:
        assert str(problem).startswith("a.jpg ")
        assert "\n" not in str(problem)
    else:
        assert image.dtype == np.uint8
        assert image.ndim == 3
        assert image.shape[2] == 3
        assert 0 < image.size <= 3 * MOST_PIXELS


@quickly
@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_random_bytes(start: bytes, rest: bytes):
    decodes_or_says_why(start + rest)


@settings(quickly, max_examples=300)
@given(st.sampled_from(ENCODED), st.data())
def test_pictures_with_bytes_changed_and_cut_off(content: bytes, data: st.DataObject):
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    decodes_or_says_why(bytes(damaged[: data.draw(st.integers(1, len(content)))]))


ANY_SHAPE = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=70)
ANY_DTYPE = st.one_of(
    arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.floating_dtypes(), st.just(np.dtype("u1"))
)


@quickly
@given(ANY_SHAPE, ANY_DTYPE, st.integers(0, 2**32 - 1))
def test_arrays_of_any_shape_and_dtype(recogniser: Recogniser, shape: tuple, dtype: np.dtype, seed: int):
    image = (np.random.default_rng(seed).random(shape) * 255).astype(dtype)
    picture = image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3))
    if image.dtype == np.uint8 and image.size and picture:
        assert tuple(recogniser.recognise(image).columns) == COLUMNS
    else:
        with pytest.raises(ValueError, match="expected a picture"):
            recogniser.recognise(image)


@quickly
@given(st.integers(1, 400), st.integers(1, 400), st.integers(20, 400), st.integers(-200, 300), st.integers(-200, 300))
def test_a_portrait_of_any_size_at_any_place(
    recogniser: Recogniser, width: int, height: int, side: int, x: int, y: int
):
    canvas = Image.new("RGB", (width, height), "gray")
    canvas.paste(Image.open(COLLINS).convert("RGB").crop((150, 30, 300, 180)).resize((side, side)), (x, y))
    table = recogniser.recognise(np.asarray(canvas))
    assert table["face"].tolist() == list(range(1, len(table) + 1))
    assert (table["x"] < width).all()
    assert (table["y"] < height).all()
    np.testing.assert_allclose(table[list(EXPRESSIONS)].sum(axis=1), 1, rtol=1e-4)
    assert annotate(np.asarray(canvas), table).shape == (height, width, 3)


@quickly
@given(arrays.arrays(np.float32, 5, elements=st.floats(0, 1, width=32)), st.integers(1, 40))
def test_every_answer_has_a_label(probabilities: np.ndarray, number: int):
    label = face_label({"face": number, **dict(zip(EXPRESSIONS, probabilities.tolist(), strict=True))})
    assert label.startswith(f"{number} ")
    assert ("uncertain" in label) == (max(probabilities) < 0.5)


@quickly
@given(st.text(st.characters(), max_size=100))
def test_names(name: str):
    shown = to_printable(name)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert safe_stem(name).replace("_", "").replace("-", "").isalnum() or not safe_stem(name).strip("_-")
    assert Path(safe_stem(name)).parent == Path()


MEASURE = """
import sys
from pathlib import Path
import fer.notebook.setup
from fer.faces.detection import detect_faces
from fer.media.pictures import decode_image, to_grey

def memory(kind):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(kind)) / 1000

detect_faces(to_grey(decode_image(Path(sys.argv[1]).read_bytes(), "small")))
idle = memory("VmRSS")
for path in sys.argv[2:]:
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    image = decode_image(Path(path).read_bytes(), path)
    print(len(detect_faces(to_grey(image))), image.size // 3, round(memory("VmHWM") - idle))
    del image
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the highest use of memory")
def test_a_hundred_megapixels_stay_below_one_and_a_half_gigabytes(tmp_path: Path):
    """As JPEG, which is decoded at a smaller size, and as PNG, which cannot be."""
    photo = Image.new("RGB", (10_000, 10_000), "gray")
    photo.paste(Image.open(HOPPER).convert("RGB").resize((5_120, 6_060)), (2_000, 2_000))
    paths = [tmp_path / "photo.jpg", tmp_path / "photo.png"]
    for path in paths:
        photo.save(path, compress_level=1)
    command = [sys.executable, "-c", MEASURE, str(HOPPER), *map(str, paths)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ran.stderr == ""
    measured = [tuple(map(int, line.split())) for line in ran.stdout.splitlines()]
    assert len(measured) == 2
    for faces, pixels, megabytes in measured:
        assert faces >= 1
        assert pixels == pytest.approx(MOST_PIXELS, rel=0.001)
        assert megabytes < 1_500
