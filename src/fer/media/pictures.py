"""Turn an uploaded file into a picture, or say why that is not possible."""

import io
import math
import re
import warnings
from contextlib import suppress
from typing import IO

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, TiffImagePlugin, UnidentifiedImageError

from fer.notebook.errors import UserError

# A larger photo is shrunk while it is decoded: to search it and to draw on it takes some 20 bytes a pixel.
MOST_PIXELS = 50_000_000
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")  # ISO/IEC 23008-12, annex B

A_VIDEO, A_SOUND = "it is a video", "it is sound"
VIDEO_STARTS = (
    rb".{4}ftyp(?!avi|crx|M4A)",  # MP4, MOV, 3GP; neither AVIF nor Canon's RAW nor sound
    rb"[\0-\x08].{3}(moov|mdat|wide|free|skip|pnot)",  # QuickTime
    rb"\x1aE\xdf\xa3",  # Matroska, WebM
    rb"RIFF.{4}AVI ",
    rb".{,191}?G.{187}(.{4})?G.{187}(.{4})?G",  # MPEG-TS and M2TS, also from the middle of a packet
    rb"\0\0\x01[\xba\xb3]",  # MPEG, VOB
    rb"\0\0\0?\x01[\x09\x27\x40\x46\x67]",  # H.264 and HEVC as such
    rb"FLV\x01",
    rb"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
    rb"OggS|\.RMF|DKIF|YUV4MPEG2|nut/multimedia|\x06\x0e\x2b\x34|\x1f\x07\0",  # the last two: MXF, DV
)
CONTENT_KINDS = {  # of what is no picture, by a pattern of its first bytes
    rb"PK\x03\x04": "it is a zip archive",
    rb".{4}ftyp(" + b"|".join(HEIC_BRANDS) + b")": "it is a damaged HEIC photo",
    rb"\xff\x0a|\0\0\0\x0cJXL ": "it is a JPEG XL picture",
    rb".{4}ftypcrx|II\*\0.{4}CR|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|\0MRM|II\x1a.{3}HEAPCCDR": "it is a RAW photo",
    b"|".join(VIDEO_STARTS): A_VIDEO,
    rb"ID3|.{4}ftypM4A|RIFF.{4}WAVE|fLaC|#!AMR|\xff[\xf0-\xfb]": A_SOUND,
    rb"\s*<(!doctype )?html": "it is a web page",
    rb"\s*%pdf": "it is a PDF",
    rb"\s*(<[?!].*)?<svg": "it is an SVG drawing",
    rb"%!PS|\xc5\xd0\xd3\xc6": "it is a PostScript drawing",
    rb"8BPS": "it is a Photoshop file of a kind that few programs read",
    rb"gimp xcf": "it is a file of GIMP's",
    rb".{128}DICM": "it is a DICOM picture",
    rb"v/1\x01|#\?R(ADIANCE|GBE)": "it is a picture of high dynamic range",
    rb".{4}ftypavi[fs]": "it is an AVIF picture",
}
OTHER_ADVICE = {
    A_VIDEO: "To have it recognised as a video, let its name end in .mp4; of stills, save JPEGs.",
    A_SOUND: "There is no face in it.",
}
# RAW photos that are TIFFs with a thumbnail as their first page, and files that programs keep beside pictures.
RAW_NAME = re.compile(r"\.(3fr|arw|cr2|dcr|dng|erf|iiq|kdc|mef|mos|nef|nrw|pef|raw|sr2|srf|srw)$", re.IGNORECASE)
SIDECAR_NAME = re.compile(
    r"\.(xmp|aae|dop|pp3|thm|acr|cos|on1|nksc)$|\.(jpe?g|png|gif|webp|heic|avif|tiff?|dng|mp4|mov)(\.s[\w-]*)?(\(\d+\))?"
    r"\.json$|(^|/)((eh)?thumbs\.db|desktop\.ini|\.?picasa\.ini|\._.*|\.ds_store)$|(^|/)@eadir/",
    re.IGNORECASE,
)
PAGED_FORMATS = ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF")  # others keep previews, layers or sizes there
END_OF_JPEG = b"\xff\xd9"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class UnreadablePictureError(UserError):
    """A file that is no picture; the message names the file, the reason and a way out."""


def decode_image(content: bytes, name: str, page: int = 0) -> np.ndarray:
    """Decode the bytes of a picture file, upright (EXIF) and in RGB.

    Returns (height, width, 3) uint8 of up to 50 megapixels; transparent parts become white. page: of a file with
    several pages or frames. A picture that is cut off is refused, as half a face would get a wrong name, but not one
    that lacks its end marker alone. Raises UnreadablePictureError.
    """
    if not content:
        raise UnreadablePictureError(f"{name} is empty (0 bytes). Upload it again.")
    for pattern, kind in ((SIDECAR_NAME, "is no picture: a program keeps it beside one"), (RAW_NAME, "is a RAW photo")):
        if pattern.search(name):
            raise UnreadablePictureError(f"{name} {kind}. Bring the picture itself, as JPEG or PNG.")
    if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS:
        enable_heic(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its size or odd metadata: neither stops us
            with Image.open(io.BytesIO(content)) as image:
                if image.format == "EPS" or isinstance(image, ImageFile.StubImageFile):  # for other programs to draw
                    raise UnidentifiedImageError
                image.seek(page)
                return to_upright_rgb(image, read_deep_colours(image, content, page))
    except UnidentifiedImageError:
        if content.startswith(TIFF_STARTS) and (values := read_with_opencv(content, page)) is not None:
            return to_upright_rgb(Image.fromarray(scale_to_8_bits(values)), None)
        kind = describe_content(content)
        advice = OTHER_ADVICE.get(kind, "Save it as JPEG or PNG.")
        raise UnreadablePictureError(f"{name} is not a picture that can be read here ({kind}). {advice}") from None
    except Image.DecompressionBombError:
        raise UnreadablePictureError(
            f"{name} has more pixels than fit into memory. Shrink it below 150 megapixels."
        ) from None
    except Exception as error:  # a damaged file makes the decoders raise nearly anything
        if lacks_end_marker(content):
            return decode_image(content + END_OF_JPEG, name, page)
        raise UnreadablePictureError(f"{name} is damaged ({error}). Download or export it again.") from None


def to_upright_rgb(image: Image.Image, deep_colours: np.ndarray | None) -> np.ndarray:
    """Return an opened picture as (height, width, 3) uint8, turned as its EXIF says; deep_colours: in place of its."""
    scale = min(1, math.sqrt(MOST_PIXELS / (image.width * image.height)))
    limit = (math.ceil(scale * image.width), math.ceil(scale * image.height))
    image.draft("RGB", limit)  # lets the JPEG decoder skip what would be shrunk away; does nothing for other formats
    orientation = image.getexif().get(ExifTags.Base.Orientation)
    if deep_colours is not None:
        image = Image.fromarray(scale_to_8_bits(deep_colours))
        image.getexif()[ExifTags.Base.Orientation] = orientation
    image.thumbnail(limit)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more
        image = Image.fromarray(scale_to_8_bits(np.asarray(image).astype(np.float32)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def read_deep_colours(image: Image.Image, content: bytes, page: int) -> np.ndarray | None:
    """Return the (height, width, 3 or 4) uint16 colours of an opened picture that has some; None for any other.

    Pillow keeps the upper half of the 16 bits alone: in 10 bits, which many cameras give, hardly anything is there.
    """
    is_deep_png = image.format == "PNG" and content[24] == 16
    is_deep_tiff = image.format == "TIFF" and 16 in image.tag_v2.get(TiffImagePlugin.BITSPERSAMPLE, ())
    if image.mode not in ("RGB", "RGBA") or not (is_deep_png or is_deep_tiff):
        return None
    image.load()  # raises what is wrong with a file that is cut off, of which OpenCV gives a part
    return read_with_opencv(content, page)


def read_with_opencv(content: bytes, page: int) -> np.ndarray | None:
    """Return the (height, width[, 3 or 4]) values of a picture as they are, RGB or RGBA; None where OpenCV cannot.

    It reads what Pillow does not: floating-point and signed colours of a TIFF.
    """
    _, pages = cv2.imdecodemulti(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED, range=(page, page + 1))
    if not pages:
        return None
    values = pages[0]
    return values if values.ndim == 2 else values[..., [2, 1, 0, 3][: values.shape[2]]]


def scale_to_8_bits(values: np.ndarray) -> np.ndarray:
    """Scale grey values or colours of any number type by their measured range to uint8; NaN, infinity: black."""
    values = np.maximum(np.nan_to_num(values, posinf=0, neginf=0), 0)
    brightest = np.atleast_3d(values)[..., :3].max()  # an opaque picture has the largest value everywhere in a fourth
    return cv2.convertScaleAbs(values, alpha=255 / find_white(brightest, is_share=values.dtype.kind == "f"))


def find_white(brightest: float, is_share: bool) -> float:
    """Return what is white where that value is the brightest: the largest one of 8, 10, 12, 14 or 16 bits, or itself.

    is_share: values may be shares from 0 to 1, of which filters make somewhat more.
    """
    if is_share and brightest < 2:
        return 1
    whites = [2**bits - 1 for bits in (8, 10, 12, 14, 16)]
    return next((white for white in whites if brightest <= white), brightest)


def describe_shrinking(content: bytes, name: str, image: np.ndarray) -> str:
    """Say that a decoded (height, width, 3) picture is smaller than in its file; empty if it is not."""
    with warnings.catch_warnings(action="ignore"), suppress(UnidentifiedImageError):
        width, height = Image.open(io.BytesIO(content)).size[:2]
        if max(width, height) > 1.01 * max(image.shape):
            kept = f"{image.shape[1]} × {image.shape[0]}"
            return f"{name} has {width} × {height} pixels and was shrunk to {kept}; its boxes are in these."
    return ""


def count_pages(content: bytes) -> int:
    """Count the pages or frames of a picture file that can be read."""
    with warnings.catch_warnings(action="ignore"), suppress(UnidentifiedImageError):
        image = Image.open(io.BytesIO(content))
        return getattr(image, "n_frames", 1) if image.format in PAGED_FORMATS else 1
    return 1  # what OpenCV alone can read


def lacks_end_marker(content: bytes) -> bool:
    """Tell whether a file is a JPEG of which nothing but the marker of its end is missing.

    Then whatever is put before that marker changes no pixel: else, the decoder would take it for the missing part.
    """
    if content[:2] != b"\xff\xd8" or content[-2:] == END_OF_JPEG:
        return False
    with warnings.catch_warnings(action="ignore"):
        with suppress(Exception):
            Image.open(io.BytesIO(content)).load()
            return False  # something else follows its end
        with suppress(Exception):
            ends = (more + END_OF_JPEG for more in (b"", bytes(range(1, 99))))
            return np.array_equal(*(Image.open(io.BytesIO(content + end)) for end in ends))
    return False


def is_picture(content: IO[bytes]) -> bool:
    """Tell by its first bytes whether a file is a picture of a known format, which need not be whole."""
    with suppress(Exception), warnings.catch_warnings(action="ignore"), Image.open(content):
        return True
    return False


def enable_heic(name: str) -> None:
    """Let Pillow read HEIC where pillow-heif is installed; raises UnreadablePictureError elsewhere."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise UnreadablePictureError(
            f"{name} is a HEIC photo. Run `%pip install pillow-heif` in a new cell and try again, or export it as JPEG"
            " (iPhones take JPEGs after Settings → Camera → Formats → Most Compatible)."
        ) from None
    register_heif_opener()


def describe_content(content: bytes) -> str:
    """Say what a file that is no readable picture looks like instead, by its first bytes."""
    start = content[:1024]
    kinds = (kind for pattern, kind in CONTENT_KINDS.items() if re.match(pattern, start, re.DOTALL | re.IGNORECASE))
    return next(kinds, "it is text" if start.isascii() and b"\0" not in start else "its format is unknown")


def to_grey(image: np.ndarray) -> np.ndarray:
    """Return an RGB (height, width, 3) or grey (height, width[, 1]) uint8 picture as (height, width) uint8."""
    if image.dtype != np.uint8:
        raise ValueError(f"expected a picture of uint8 values 0–255, got {image.dtype}")
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.ndim == 2 and image.size:
        return image
    if image.ndim == 3 and image.shape[2] == 3 and image.size:
        return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    raise ValueError(f"expected a picture of shape (height, width, 3) or (height, width), got {image.shape}")
