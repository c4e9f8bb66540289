"""Find the faces in a picture and cut them out as FER-2013 frames its faces."""

import cv2
import numpy as np

from fer.expressions import SIDE
from fer.faces.cascades import ALT, ALT2, EYE, PROFILE, merge, run_cascade

SMALLEST = 24  # pixels of the searched picture; the cascades were trained on faces of 20 to 24
FRAME_SIDE = 640  # pixels; a picture with a longer side up to this is taken for a frame of a camera
# Pixels of the longer side when it is searched: of frames, of photos, and where a face may fill the picture with little
# or nothing around it: there, a margin of so many pixels is put around.
GLANCE_SIDE, TILT_SIDE, UPRIGHT_SIDE = 140, 240, 340
SMALL_PHOTO_SIDES, PHOTO_SIDE, FILLED_SIDE, MARGIN = (240, 480), 800, 100, 30
# Scale factors. Up to windows of 40 pixels, twice the cascade's, OpenCV looks at every other place only. 1.25 makes the
# most of that (25, 31, 39, then 49 pixels), 1.2 the least (24, 29, 35, then 41): it takes 1.4 times as long.
FAST, THOROUGH = 1.25, 1.1
CLOSE_BY = 32  # pixels of a face at a glance, from which on a face is close to the camera
LOOK_SIDE = 36  # pixels of a face that is looked at again
EYES_SIDE, SMALLEST_EYE, LARGEST_EYE = 96, 16, 44  # pixels of a face whose eyes are looked for, and of these
TILTS, TURNS = (-15, 15), (-20, 0, 20)  # degrees by which a picture is turned to be searched, a face to be looked at
MIRRORED = "profile to the right"
# Thresholds. A score is the sum of the square roots of each search's votes. SURE: votes of one search, or the score of
# tilted ones. WORTH_A_LOOK: the score from which other cascades look again. ENOUGH: what the score and theirs must come
# to, after four or eight searches. Chosen on 233 photos and 49 composites: `python benchmarks/find_faces.py`.
SURE, WORTH_A_LOOK, ENOUGH_OF_FOUR, ENOUGH_OF_EIGHT = 2, 1.7, 7, 8.5
# FER-2013 itself was framed by a face detector. Run on 3,000 of its pictures, the cascade's box has the centre of
# the picture (medians 0.503, 0.497) and 0.974 of its side: `python benchmarks/framing.py data/fer2013.csv`.
BOX_IN_CROP = 0.974


def find_faces(grey: np.ndarray) -> np.ndarray:
    """Find the faces in a (height, width) uint8 picture: in a photo thoroughly, in a frame of a camera fast.

    A frame, which is a picture of up to 640 pixels, is searched at a glance, then more closely, then tilted, and done
    as soon as a face is sure; somebody else who is far behind or tilts the head may then be missed.
    Returns (n, 4) int64 boxes, largest first: x and y of the top left corner, width, height, in pixels.
    """
    if not is_frame(grey):
        return find_thoroughly(grey)
    seen = glance(grey)
    return seen if len(seen) else find_quickly(grey)


def is_frame(grey: np.ndarray) -> bool:
    """Tell whether a picture is taken for a frame of a camera, not for a photo."""
    return max(grey.shape) <= FRAME_SIDE


def glance(grey: np.ndarray) -> np.ndarray:
    """Find faces close to the camera, within a few milliseconds; boxes as from `find_faces`.

    None at all unless each is sure and the largest so wide that somebody beside it could not be missed for being small:
    then the frame is to be searched more closely.
    """
    (found,) = search(grey, GLANCE_SIDE, FAST)
    close_by = found[:, 2].max(initial=0) > CLOSE_BY * max(1.0, max(grey.shape) / GLANCE_SIDE)
    sure = close_by and len(keep_sure(grey, found)) == len(found)
    return largest_first(found[:, :4] if sure else np.empty((0, 4)))


def find_quickly(grey: np.ndarray) -> np.ndarray:
    """Find the faces in a frame that is soon followed by another: those upright, near and far, or else those tilted.

    Boxes as from `find_faces`.
    """
    upright = keep_sure(grey, *search(grey, UPRIGHT_SIDE, FAST))
    if len(upright):
        return keep_best(upright)
    tilted = rate(search(grey, TILT_SIDE, FAST, TILTS, whole=False))
    return keep_best(keep_sure(grey, tilted, TURNS))


def find_near_and_far(grey: np.ndarray) -> np.ndarray:
    """Find the faces in a frame of a video, tilted, close to the camera and far; boxes as from `find_faces`.

    Up to 640 pixels, that takes less than half the time of `find_thoroughly`.
    """
    if not is_frame(grey):
        return find_thoroughly(grey)
    near = search(grey, TILT_SIDE, THOROUGH, (0, *TILTS), whole=False)
    return agree(grey, [*near, *search(grey, FRAME_SIDE, FAST)], ENOUGH_OF_FOUR)


def find_thoroughly(grey: np.ndarray) -> np.ndarray:
    """Find faces that are small, tilted, half turned away or badly lit, too; boxes as from `find_faces`.

    One cascade proposes boxes: scaled down, upright and tilted; closely; and with a margin around the picture, because
    it expects more of the head than a picture shows that was cut close to the face.
    """
    scaled_down = [found for side in SMALL_PHOTO_SIDES for found in search(grey, side, THOROUGH, (0, *TILTS))]
    closely, with_margin = search(grey, PHOTO_SIDE, THOROUGH), search(grey, FILLED_SIDE, THOROUGH, margin=MARGIN)
    return agree(grey, [*scaled_down, *closely, *with_margin], ENOUGH_OF_EIGHT)


def keep_sure(grey: np.ndarray, found: np.ndarray, angles: tuple[float, ...] = (0,)) -> np.ndarray:
    """Keep those of (n, 5) boxes that are sure by their votes or score, or because another cascade sees a face."""
    sure = [box[4] > SURE or look_again(grey, box[:4], angles, (ALT,)) > 0 for box in found]
    return found[np.array(sure, bool)]


def agree(grey: np.ndarray, searches: list[np.ndarray], enough: float) -> np.ndarray:
    """Let others look again at what searches propose, for a face and for eyes; keep the boxes that enough agree on."""
    found = rate(searches)
    found = found[found[:, 4] > WORTH_A_LOOK]
    found[:, 4] += [look_again(grey, box, TURNS) + look_for_eyes(grey, box) for box in found[:, :4]]
    return keep_best(found[found[:, 4] > enough])


def rate(searches: list[np.ndarray]) -> np.ndarray:
    """Join what several searches found of the same face; return (m, 5) boxes and their scores.

    Each search counts with the square root of its votes: many that agree are worth more than one that is loud.
    """
    boxes, votes = merge(searches)
    return np.column_stack([boxes, np.sqrt(votes).sum(axis=1)])


def search(
    grey: np.ndarray,
    side: int,
    scale_factor: float,
    angles: tuple[float, ...] = (0,),
    whole: bool = True,
    margin: int = 0,
) -> list[np.ndarray]:
    """Search a picture, scaled down to a longer side in pixels, as it is turned by each of some degrees.

    whole: keep the corners of what is turned, which takes half as long again. margin: pixels put around it.
    Returns (n, 5) boxes and votes for each angle, upright squares in pixels of the given picture.
    """
    scale = min(1.0, side / max(grey.shape))
    upright = scale_down(grey, scale)
    upright = cv2.equalizeHist(upright) if side <= TILT_SIDE else cv2.createCLAHE(2.0, (8, 8)).apply(upright)
    upright = cv2.copyMakeBorder(upright, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    searches = []
    for angle in angles:
        searched, back = turn(upright, angle, whole) if angle else (upright, None)
        found = run_cascade(ALT2, searched, scale_factor, SMALLEST)
        if back is not None and len(found):
            centres = found[:, :2] + found[:, 2:4] / 2
            found[:, :2] += cv2.transform(centres[None], back)[0] - centres
        found[:, :2] -= margin
        found[:, :4] /= scale
        searches.append(found)
    return searches


def scale_down(picture: np.ndarray, scale: float) -> np.ndarray:
    """Scale a picture by a factor 0–1."""
    width, height = (max(1, round(length * scale)) for length in reversed(picture.shape))
    while scale <= 0.5 and min(picture.shape) > 1:  # to halve a picture first takes a tenth of the time
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # it averages: no aliasing
        scale *= 2
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def turn(picture: np.ndarray, angle: float, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """Turn a picture by degrees; return it, and the (2, 3) matrix from its places to those before."""
    height, width = picture.shape
    there = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    if whole:
        corners = cv2.transform(np.array([[(0, 0), (width, 0), (0, height), (width, height)]], float), there)[0]
        there[:, 2] -= corners.min(axis=0)
        width, height = np.ceil(np.ptp(corners, axis=0)).astype(int).tolist()
    turned = cv2.warpAffine(picture, there, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return turned, cv2.invertAffineTransform(there)


def look_again(
    grey: np.ndarray, box: np.ndarray, angles: tuple[float, ...], others: tuple[str, ...] = (ALT, PROFILE, MIRRORED)
) -> float:
    """Return how sure other cascades are of a face in a box, seen in the same size and light, turned by some degrees.

    That is the sum, over cascades and angles, of the square roots of their votes for its middle; 0: none sees one.
    """
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


def look_for_eyes(grey: np.ndarray, box: np.ndarray) -> float:
    """Return how sure the cascade for eyes is of the upper part of a box: the square root of its votes."""
    face = cv2.equalizeHist(cut_out(grey, box, EYES_SIDE))
    return np.sqrt(run_cascade(EYE, face[: round(0.62 * EYES_SIDE)], 1.1, SMALLEST_EYE, LARGEST_EYE)[:, 4].sum())


def keep_best(found: np.ndarray) -> np.ndarray:
    """Keep the better of two boxes with scores, (n, 5), of which one has the other's centre in it; see `find_faces`."""
    kept: list[np.ndarray] = []
    for box in found[np.argsort(-found[:, 4], kind="stable"), :4]:
        centre = box[:2] + box[2:] / 2
        inside = [
            (np.abs(centre - other[:2] - other[2:] / 2) < np.maximum(box[2:], other[2:]) / 2).all() for other in kept
        ]
        if not any(inside):
            kept.append(box)
    return largest_first(np.reshape(kept, (-1, 4)))


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
