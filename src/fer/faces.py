"""Find the faces in a picture and cut them out as FER-2013 frames its faces."""

import cv2
import numpy as np

from fer.expressions import SIDE
from fer.haar import ALT, ALT2, DEFAULT, PROFILE, merge, run_cascade

SMALLEST = 24  # pixels of the searched picture; the cascades were trained on faces of 20 to 24
GLANCE_SIDE, TILT_SIDE, SMALL_SIDE, PHOTO_SIDE = 160, 240, 320, 800  # pixels of the longer side when it is searched
FRAME_SIDE = 640  # pixels; a picture up to this size is done as soon as a face close to the camera is sure
CLOSE_BY = 36  # pixels of a face at a glance, from which on a face is close to the camera
LOOK_SIDE = 36  # pixels of a face that is looked at again
TILTS, TURNS = (-15, 0, 15), (-20, 0, 20)  # degrees
WITHOUT_MARGIN, MARGIN = 100, 30  # pixels of the longer side, and around it where a face may fill the whole picture
MIRRORED = "profile to the right"
# Each search or look counts with the square root of its votes: many that agree are worth more than one that is loud.
# Chosen on half of 233 photos and 49 composites, judged on others: `python benchmarks/find_faces.py`.
SURE_AT_A_GLANCE, SURE_WHEN_TILTED, WORTH_A_LOOK, ENOUGH = 2, 3.0, 1.7, 8.0
# FER-2013 itself was framed by a face detector. Run on 3,000 of its pictures, the cascade's box has the centre of
# the picture (medians 0.503, 0.497) and 0.974 of its side: `python benchmarks/framing.py data/fer2013.csv`.
BOX_IN_CROP = 0.974


def find_faces(grey: np.ndarray) -> np.ndarray:
    """Find the faces in a (height, width) uint8 picture: in a photo thoroughly, in a frame of a camera fast.

    A frame, which is a picture of up to 640 pixels, is searched at a glance, then tilted, then closely, and done as
    soon as a face close to the camera is sure; somebody far behind may then be missed.
    Returns (n, 4) int64 boxes, largest first: x and y of the top left corner, width, height, in pixels.
    """
    if max(grey.shape) > FRAME_SIDE:
        return find_thoroughly(grey)
    seen = glance(grey)
    if len(seen):
        return seen
    tilted = search_tilted(grey)
    return largest_first(tilted) if is_close_by(tilted, grey) else add_far_ones(grey, tilted)


def find_near_and_far(grey: np.ndarray) -> np.ndarray:
    """Find the faces in a frame of a video, tilted, close to the camera and far; boxes as from `find_faces`.

    Up to 640 pixels, that takes less than half the time of `find_thoroughly`.
    """
    return find_thoroughly(grey) if max(grey.shape) > FRAME_SIDE else add_far_ones(grey, search_tilted(grey))


def add_far_ones(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Add to the (n, 4) boxes of faces that are known those which a close search finds; boxes as from `find_faces`."""
    found = np.concatenate([boxes, agree(grey, search_turned(grey, FRAME_SIDE, (ALT2,), 1.2))])
    return largest_first(without_nested(found, np.arange(len(found), 0, -1)))


def find_quickly(grey: np.ndarray) -> np.ndarray:
    """Find the upright faces in a frame that is soon followed by another, near and far; boxes as from `find_faces`."""
    return agree(grey, search_small(grey))


def glance(grey: np.ndarray) -> np.ndarray:
    """Find faces close to the camera, within a few milliseconds; boxes as from `find_faces`.

    None at all unless each is sure, by its votes or because one more cascade agrees, and one is wide enough that nobody
    close to it is too small for this search.
    """
    found = search_turned(grey, GLANCE_SIDE, (ALT2,), 1.2)[0]
    sure = all(box[4] > SURE_AT_A_GLANCE or look_again(grey, box[:4], (0,), (ALT,)) for box in found)
    return largest_first(found[:, :4] if sure and is_close_by(found, grey) else np.empty((0, 4)))


def is_close_by(boxes: np.ndarray, grey: np.ndarray) -> bool:
    """Tell whether the largest box is as wide as a face close to the camera, of which a frame shows one or two."""
    return boxes[:, 2].max(initial=0) > CLOSE_BY * max(1.0, max(grey.shape) / GLANCE_SIDE)


def search_tilted(grey: np.ndarray) -> np.ndarray:
    """Let one cascade search a picture tilted to both sides and upright; return the (n, 4) boxes with votes enough."""
    boxes, votes = merge([search_turned(grey, TILT_SIDE, (ALT2,), 1.1, angle)[0] for angle in TILTS])
    scores = np.sqrt(votes).sum(axis=1)
    sure = scores > SURE_WHEN_TILTED
    return without_nested(boxes[sure], scores[sure])


def find_thoroughly(grey: np.ndarray) -> np.ndarray:
    """Find faces that are small, tilted, half turned away or badly lit, too; boxes as from `find_faces`.

    Two cascades propose boxes: in the small, upright and tilted; closely; and with room around the picture, because
    they expect more of the head than a picture shows that was cut close to the face.
    """
    in_the_small = [boxes for angle in TURNS for boxes in search_small(grey, angle)]
    closely = search_turned(grey, PHOTO_SIDE, (DEFAULT, ALT2), 1.1)
    with_room = search_turned(grey, WITHOUT_MARGIN, (DEFAULT, ALT2), 1.1, margin=MARGIN)
    return agree(grey, in_the_small + closely + with_room)


def search_small(grey: np.ndarray, angle: float = 0) -> list[np.ndarray]:
    """Let two cascades search a picture scaled down and turned by degrees; boxes as from `search_turned`."""
    return search_turned(grey, SMALL_SIDE, (DEFAULT, ALT2), 1.2, angle)


def agree(grey: np.ndarray, searches: list[np.ndarray]) -> np.ndarray:
    """Let two other cascades look again at what searches propose, and keep the boxes that enough agree on."""
    boxes, votes = merge(searches)
    scores = np.sqrt(votes).sum(axis=1)
    boxes, scores = boxes[scores > WORTH_A_LOOK], scores[scores > WORTH_A_LOOK]
    scores += [look_again(grey, box, TURNS) for box in boxes]
    return largest_first(without_nested(boxes[scores > ENOUGH], scores[scores > ENOUGH]))


def search_turned(
    grey: np.ndarray, side: int, cascades: tuple[str, ...], scale_factor: float, angle: float = 0, margin: int = 0
) -> list[np.ndarray]:
    """Search a picture with several cascades, scaled down to a longer side in pixels and turned by degrees.

    margin: so many pixels are put around it, which repeat its edge.
    Returns (n, 5) boxes and votes a cascade, upright squares in pixels of the given picture.
    """
    scale = min(1.0, side / max(grey.shape))
    width, height = (max(1, round(length * scale)) for length in reversed(grey.shape))
    searched = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)  # AREA averages: no aliasing
    searched = cv2.equalizeHist(searched) if side <= SMALL_SIDE else cv2.createCLAHE(2.0, (8, 8)).apply(searched)
    searched = cv2.copyMakeBorder(searched, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    searched, back = turn(searched, angle) if angle else (searched, None)
    found = [run_cascade(name, searched, scale_factor, SMALLEST) for name in cascades]
    for boxes in found:
        if back is not None and len(boxes):
            centres = boxes[:, :2] + boxes[:, 2:4] / 2
            boxes[:, :2] += cv2.transform(centres[None], back)[0] - centres
        boxes[:, :2] -= margin
        boxes[:, :4] /= scale
    return found


def turn(picture: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Turn a picture by degrees, whole; return it, and the (2, 3) matrix from its places to those before."""
    height, width = picture.shape
    there = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    corners = cv2.transform(np.array([[(0, 0), (width, 0), (0, height), (width, height)]], float), there)[0]
    there[:, 2] -= corners.min(axis=0)
    size = np.ceil(np.ptp(corners, axis=0)).astype(int).tolist()
    turned = cv2.warpAffine(picture, there, size, borderMode=cv2.BORDER_REPLICATE)
    return turned, cv2.invertAffineTransform(there)


def look_again(
    grey: np.ndarray, box: np.ndarray, angles: tuple[float, ...], others: tuple[str, ...] = (ALT, PROFILE, MIRRORED)
) -> float:
    """Return what other cascades think of a box, seen in the same size and light and turned by some degrees."""
    side = round(1.7 * LOOK_SIDE)
    left, top, length = (round(value) for value in (*(box[:2] - 0.35 * box[2:]), 1.7 * box[2]))
    room = cut_out(grey, (left, top, length, length), side)
    total = 0.0
    for angle in angles:
        about = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1)
        view = cv2.equalizeHist(cv2.warpAffine(room, about, room.shape, borderMode=cv2.BORDER_REPLICATE))
        for name in others:
            seen, cascade = (cv2.flip(view, 1), PROFILE) if name == MIRRORED else (view, name)
            found = run_cascade(cascade, seen, 1.1, round(0.75 * LOOK_SIDE), round(1.35 * LOOK_SIDE))
            off = np.abs(found[:, :2] + found[:, 2:4] / 2 - side / 2).max(axis=1, initial=0)
            total += np.sqrt(found[off < LOOK_SIDE / 4, 4].sum())
    return total


def without_nested(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Of two boxes of which one has the other's centre in it, keep the one with the higher score."""
    kept: list[np.ndarray] = []
    for index in np.argsort(-scores, kind="stable"):
        box = boxes[index]
        centre = box[:2] + box[2:] / 2
        inside = [
            (np.abs(centre - other[:2] - other[2:] / 2) < np.maximum(box[2:], other[2:]) / 2).all() for other in kept
        ]
        if not any(inside):
            kept.append(box)
    return np.reshape(kept, (-1, 4))


def largest_first(boxes: np.ndarray) -> np.ndarray:
    """Round (n, 4) boxes to int64 pixels and sort them by area."""
    boxes = np.rint(boxes).astype(np.int64)
    return boxes[np.argsort(-boxes[:, 2] * boxes[:, 3], kind="stable")]


def crop_faces(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Cut the boxes out of a (height, width) uint8 picture, framed as in FER-2013.

    boxes: (n, 4) as from `find_faces`. Returns (n, 48, 48) uint8; what lies beyond the picture's edge repeats it.
    """
    crops = np.empty((len(boxes), SIDE, SIDE), np.uint8)
    for crop, (x, y, width, height) in zip(crops, boxes, strict=True):
        side = max(1, round(width / BOX_IN_CROP))
        crop[:] = cut_out(grey, (round(x + (width - side) / 2), round(y + (height - side) / 2), side, side), SIDE)
    return crops


def cut_out(grey: np.ndarray, box: np.ndarray | tuple, side: int) -> np.ndarray:
    """Cut a box that is in the picture, at least in part, out of it and scale it to (side, side); the edge repeats."""
    left, top, width, height = (int(value) for value in box)
    part = cv2.getRectSubPix(grey, (width, height), (left + (width - 1) / 2, top + (height - 1) / 2))
    shrinks = width > side
    return cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
