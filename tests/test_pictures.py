"""Uploads of every kind: read, or refused in one sentence."""

import io
import re
import struct
import sys
import zlib
from pathlib import Path

import cv2
import ipywidgets
import numpy as np
import pillow_heif
import pytest
from conftest import COLLINS, HOPPER
from PIL import Image, ImageOps

from fer.faces import pages
from fer.faces.pages import decode_page_with_face
from fer.media import pictures
from fer.media.collections import is_visible_file
from fer.media.pictures import UnreadablePictureError, decode_image
from fer.media.videos import read_frames
from fer.notebook.errors import UserError
from fer.notebook.paths import existing_path, safe_stem, to_printable
from fer.notebook.uploads import uploaded_files


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


SCENE = Image.open(COLLINS).convert("RGB").resize((64, 48))
# Left half dark, right half bright: tells orientation and range.
HALVES = np.repeat([[0] * 32 + [200] * 32], 48, axis=0).astype(np.uint8)
EXIF_TURNED = Image.Exif()
EXIF_TURNED[0x0112] = 6  # turn right by 90 degrees to see it upright


def test_bad_files_get_one_sentence_with_their_name():
    jpeg = HOPPER.read_bytes()
    cases = {
        "empty.jpg": (b"", "is empty"),
        "text.jpg": (b"Dear diary, this is no picture.", "(it is text)"),
        "page.png": (b"<!DOCTYPE html><html></html>", "web page"),
        "phone.heic": (b"\0\0\0\x18ftypheic" + b"\0" * 600, "HEIC"),
        "paper.pdf": (b"%PDF-1.7 \xff", "PDF"),
        "noise.png": (bytes(range(128, 256)) * 9, "format is unknown"),
        "cut.jpg": (jpeg[: len(jpeg) // 3], "damaged"),
        "cut.png": (COLLINS.read_bytes()[:9000], "damaged"),
    }
    for name, (content, reason) in cases.items():
        with pytest.raises(UnreadablePictureError) as caught:
            decode_image(content, name)
        message = str(caught.value)
        assert message.startswith(name)
        assert reason in message
        assert "\n" not in message
        assert caught.value._render_traceback_() == [f"⚠ {message}"]  # what a notebook shows


def test_heic_is_read_where_its_library_is_and_elsewhere_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch):
    content = io.BytesIO()
    pillow_heif.from_pillow(SCENE.resize((256, 192))).save(content, quality=90)
    decoded = decode_image(content.getvalue(), "phone.heic")
    assert np.abs(decoded.astype(int) - np.asarray(SCENE.resize((256, 192)))).mean() < 12
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(UnreadablePictureError, match=r"^phone.heic is a HEIC photo.*pip install pillow-heif.*JPEG"):
        decode_image(content.getvalue(), "phone.heic")


def test_what_else_is_uploaded_by_mistake_is_named():
    for start, kind in (
        (b"\0\0\0\x18ftypisom", "video"),
        (b"\x1aE\xdf\xa3", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"PK\3\4", "zip archive"),
        (b"\0\0\0\x18ftypavif", "AVIF"),
        (b'<?xml version="1.0"?>\n<!-- by a program -->\n<svg xmlns="', "SVG drawing"),
        (b"<svg width='9'>", "SVG drawing"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", "PostScript drawing"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0" * 128 + b"DICM", "DICOM"),
        (b"\x89HDF\r\n\x1a\n", "format is unknown"),
        (b"\0" * 999, "format is unknown"),
        (b"ID3\3", r"sound\)\. There is no face in it"),
    ):
        with pytest.raises(UnreadablePictureError, match=kind):
            decode_image(start + bytes(range(256)), "a.jpg")


def test_ten_thousand_million_pixels_are_refused_before_they_are_decoded():
    """A few bytes that claim to be a 100,000 × 100,000 PNG."""
    small = encoded(Image.new("L", (1, 1)), "PNG")
    header = b"IHDR" + struct.pack(">II", 100_000, 100_000) + small[24:29]
    huge = small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]
    with pytest.raises(UnreadablePictureError, match=r"^bomb.png has more pixels than fit into memory"):
        decode_image(huge, "bomb.png")


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(HALVES),
        Image.fromarray(HALVES).convert("RGB"),
        Image.fromarray(HALVES).convert("RGBA"),
        Image.fromarray(HALVES).convert("P"),
        Image.fromarray(HALVES).convert("LA"),
        Image.fromarray(HALVES > 0),
        Image.fromarray(HALVES.astype(np.uint16) * 257),
    ],
    ids=["L", "RGB", "RGBA", "P", "LA", "1", "16 bit"],
)
def test_every_mode_keeps_its_brightness(image: Image.Image):
    decoded = decode_image(encoded(image, "PNG"), "a.png")
    assert decoded.shape == (48, 64, 3)
    assert decoded.dtype == np.uint8
    expected = np.where(HALVES > 0, 255, 0) if image.mode == "1" else HALVES
    np.testing.assert_allclose(decoded[..., 1].astype(int), expected, atol=2)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("ending", [".png", ".tif"])
def test_colours_in_sixteen_bits_are_scaled_by_their_measured_range(ending: str, bits: int):
    """Pillow writes none; OpenCV does. Whatever the range, an opaque picture is opaque."""
    colours = np.zeros((48, 64, 4), np.uint16)
    colours[..., 2] = HALVES / 200 * (2**bits - 1)  # OpenCV's order: red
    colours[..., 3] = 65535
    for file in (colours[..., :3], colours):
        decoded = decode_image(cv2.imencode(ending, file)[1].tobytes(), "a")
        np.testing.assert_allclose(decoded[..., 0].astype(int), HALVES / 200 * 255, atol=2)
        assert not decoded[..., 1:].any()


def test_colours_in_sixteen_bits_have_pages_and_are_turned_and_refused_where_cut_off():
    pages = [np.full((48, 64, 3), value, np.uint16) for value in (1, 1023)]
    content = cv2.imencodemulti(".tif", pages)[1].tobytes()
    assert (decode_image(content, "a.tif", page=1) == 255).all()
    noise = np.random.default_rng(0).integers(0, 1024, (48, 64, 3)).astype(np.uint16)
    png = cv2.imencode(".png", noise)[1].tobytes()
    exif = b"eXIf" + EXIF_TURNED.tobytes()[6:]
    chunk = struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif))
    assert decode_image(png[:33] + chunk + png[33:], "a.png").shape == (64, 48, 3)  # behind the header
    with pytest.raises(UnreadablePictureError, match="damaged"):
        decode_image(png[: len(png) // 2], "a.png")


def test_cmyk_and_gif_and_webp():
    for content in (
        encoded(SCENE.convert("CMYK"), "JPEG"),
        encoded(SCENE, "GIF", save_all=True, append_images=[Image.new("RGB", SCENE.size)]),
        encoded(SCENE, "WEBP"),
    ):
        decoded = decode_image(content, "a")
        assert np.abs(decoded.astype(int) - np.asarray(SCENE)).mean() < 12


def test_transparent_parts_become_white():
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    assert (decode_image(encoded(image, "PNG"), "a.png") == 255).all()


def test_sideways_photo_is_turned():
    decoded = decode_image(encoded(Image.fromarray(HALVES), "JPEG", exif=EXIF_TURNED), "phone.jpg")
    assert decoded.shape == (64, 48, 3)
    assert decoded[:30].max() < 30
    assert decoded[34:].min() > 170


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_very_large_photo_is_shrunk_and_it_is_said(kind: str, monkeypatch: pytest.MonkeyPatch):
    photo = encoded(Image.new("RGB", (2_000, 1_200), "green"), kind)
    assert decode_image(photo, "large").shape == (1_200, 2_000, 3)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 600_000)
    assert decode_image(photo, "large").shape == (600, 1_000, 3)
    said = "large has 2000 × 1200 pixels and was shrunk to 1000 × 600; its boxes are in these."
    assert decode_page_with_face(photo, "large")[1] == said


def test_one_pixel():
    assert decode_image(encoded(Image.new("RGB", (1, 1), "red"), "PNG"), "dot.png").tolist() == [[[255, 0, 0]]]


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "..\\..\\boot.ini", "<script>alert(1)</script>.jpg", "", ".", "a/b\0c", "a" * 500, "'\"$(rm)"],
)
def test_names_of_uploads_are_made_safe(name: str):
    assert re.fullmatch(r"[\w-]{1,60}", safe_stem(name))


def test_names_of_any_script_are_kept():
    assert safe_stem("Großmutter 祖母.jpeg") == "Großmutter_祖母"


def test_both_versions_of_the_upload_widget():
    seven = {"a.jpg": {"metadata": {"name": "a.jpg"}, "content": b"123"}}
    eight = ({"name": "a.jpg", "type": "image/jpeg", "size": 3, "content": memoryview(b"123")},)
    for value in (seven, eight):
        assert list(uploaded_files(value)) == [("a.jpg", b"123")]
    assert list(uploaded_files(ipywidgets.FileUpload().value)) == []


def test_typed_path(tmp_path: Path):
    (tmp_path / "me.jpg").write_bytes(b"123")
    assert existing_path(str(tmp_path / "me.jpg")).read_bytes() == b"123"
    with pytest.raises(UserError, match="is neither a picture nor a video"):
        read_frames(str(tmp_path))


@pytest.mark.parametrize("path", ["you.jpg", "a\0b", "x" * 5000, "~nobody-of-that-name/a.jpg", "\udcff.jpg", "a\nb"])
def test_a_path_to_nothing_is_one_sentence(path: str):
    with pytest.raises(UserError, match=r"^There is no file or folder [^\n\0]{1,200}\. Check the spelling") as caught:
        existing_path(path)
    str(caught.value).encode()


def test_names_are_shown_in_one_line_and_in_their_own_script():
    names = {"a\nb\x1b[31m.jpg": "a\ufffdb\ufffd[31m.jpg", "gpj.\u202eexe": "gpj.\ufffdexe", "a\udcffb": "a\ufffdb"}
    assert {name: to_printable(name) for name in names} == names
    for name in ("Großmutter 祖母.jpeg", "<script>'\".jpg", "👨\u200d👩\u200d👧 🎂.png", "می\u200cخواهم.jpg"):
        assert to_printable(name) == name


def test_a_transparent_palette_becomes_white():
    for image in (Image.new("P", (4, 4), 0), Image.new("L", (4, 4), 0)):
        assert (decode_image(encoded(image, "PNG", transparency=0), "a.png") == 255).all()


@pytest.mark.parametrize(("kind", "scale"), [(np.float32, 257), (np.float32, 1), (np.int32, 1)])
def test_more_than_sixteen_bits_keep_their_brightness(kind: type, scale: int):
    decoded = decode_image(encoded(Image.fromarray(HALVES.astype(kind) * kind(scale)), "TIFF"), "a.tif")
    np.testing.assert_allclose(decoded[..., 1].astype(int), HALVES, atol=2)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_the_measured_range_tells_how_many_bits_a_picture_has(bits: int):
    values = (HALVES.astype(np.float64) / 200 * (2**bits - 1)).astype(np.uint16)
    decoded = decode_image(encoded(Image.fromarray(values), "PNG"), "a.png")
    np.testing.assert_allclose(decoded[..., 1].astype(int), HALVES / 200 * 255, atol=2)


@pytest.mark.parametrize("broken", [0, np.nan, np.inf, -5])
def test_floats_from_0_to_1_are_no_black_picture(broken: float):
    values = HALVES.astype(np.float32) / 200
    values[0, 0] = broken
    values[0, 1] = 1.04  # as cubic interpolation makes it
    decoded = decode_image(encoded(Image.fromarray(values), "TIFF"), "a.tif")
    np.testing.assert_allclose(decoded[1:, :, 1].astype(int), HALVES[1:] / 200 * 255, atol=2)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
def test_colours_of_a_tiff_that_pillow_cannot_read_are_read_and_scaled(kind: type):
    values = np.zeros((48, 64, 4), kind)
    values[..., 2] = HALVES / 200 * (1 if values.dtype.kind == "f" else 1023)  # OpenCV's order: red
    for file in (values[..., :3], values[..., 2]):
        decoded, note = decode_page_with_face(cv2.imencode(".tif", file)[1].tobytes(), "a.tif")
        assert note == ""
        np.testing.assert_allclose(decoded[..., 0].astype(int), HALVES / 200 * 255, atol=2)
        assert decoded[..., 1].any() == (file.ndim == 2)


def test_a_damaged_tiff_is_refused_in_a_sentence():
    content = cv2.imencode(".tif", np.ones((48, 64, 3), np.float32))[1].tobytes()
    for damaged in (content[:60], content[:4] + bytes(99)):
        with pytest.raises(UnreadablePictureError, match=r"^a\.tif "):
            decode_image(damaged, "a.tif")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_end_marker_is_read_and_said_and_one_that_is_cut_is_not(progressive: bool):
    content = encoded(SCENE, "JPEG", progressive=progressive, quality=95)
    image, note = decode_page_with_face(content[:-2], "a.jpg")
    np.testing.assert_array_equal(image, decode_image(content, "a.jpg"))
    assert note.startswith("a.jpg lacks its end marker")
    for length in (len(content) - 8, len(content) // 2):
        with pytest.raises(UnreadablePictureError, match=r"^a\.jpg is damaged"):
            decode_page_with_face(content[:length], "a.jpg")
    for more in (b"\0\0", b"motion" * 99):  # some cameras put something after the end
        assert decode_page_with_face(content + more, "a.jpg")[1] == ""


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "PNG", "WEBP"])
def test_of_several_pages_the_first_with_a_face_is_taken_and_said(kind: str):
    face = Image.open(COLLINS).convert("RGB").resize((200, 200))
    blank = Image.new("RGB", face.size, "gray")
    others = [blank.point(lambda value: value + 9), face, ImageOps.mirror(face)]
    content = encoded(blank, kind, save_all=True, append_images=others)
    image, note = decode_page_with_face(content, "a")
    assert np.abs(image.astype(int) - np.asarray(face)).mean() < 12
    assert note == "a has 4 pages or frames; number 3 is taken, the first with a face."
    content = encoded(blank, kind, save_all=True, append_images=others[:1])
    assert "number 1 is taken, as no face was found" in decode_page_with_face(content, "a")[1]
    assert decode_page_with_face(encoded(face, kind), "a")[1] == ""


def test_of_many_pages_it_is_said_how_many_were_searched(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pages, "MOST_PAGES", 2)
    face = Image.open(COLLINS).convert("RGB").resize((200, 200))
    blank = [Image.new("RGB", face.size, (9 * number,) * 3) for number in range(5)]
    note = decode_page_with_face(encoded(blank[0], "TIFF", save_all=True, append_images=blank[1:]), "a")[1]
    assert (
        note == "a has 5 pages or frames; number 1 is taken, as no face was found in any of the 2 that were searched."
    )
    others = [*blank[1:3], face, face]
    note = decode_page_with_face(encoded(blank[0], "TIFF", save_all=True, append_images=others), "a")[1]
    assert note.endswith("number 4 is taken, the first with a face of the 2 that were searched.")


def test_what_lies_beside_pictures_is_named_and_no_problem_in_a_folder():
    takeout = ("a.jpg.json", "a.JPG.supplemental-metadata.json", "a.heic.supplemental-me(2).json")
    for name in (
        "a.xmp",
        "IMG_1.AAE",
        "x/Thumbs.db",
        ".DS_Store",
        "._a.jpg",
        "x/desktop.ini",
        "@eaDir/a.jpg",
        *takeout,
    ):
        assert not is_visible_file(name)
        with pytest.raises(UnreadablePictureError, match="is no picture: a program keeps it beside one"):
            decode_image(b"<x:xmpmeta>", name)
    assert is_visible_file("labels.json")
    for name in ("a.NEF", "a.dng", "a.CR2"):
        assert is_visible_file(name)
        with pytest.raises(UnreadablePictureError, match=r"^a\.\w+ is a RAW photo\. .*JPEG"):
            decode_image(encoded(SCENE, "TIFF"), name)
    for start, kind in (
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"FUJIFILMCCD-RAW", "RAW"),
    ):
        with pytest.raises(UnreadablePictureError, match=f"it is a {kind}"):
            decode_image(start + bytes(range(256)), "a.jpg")
