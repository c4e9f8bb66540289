"""Detect the faces in a picture and crop them as FER-2013 frames its faces."""

import cv2
import numpy as np

from fer.expressions import SIDE
from fer.faces.cascades import ALT, ALT2, fuse_boxes, run_cascade
from fer.faces.verifier import face_logits

MIN_FACE_SIDE = 24  # pixels of what a cascade searches; the cascades were trained on faces of 20 to 24
CAMERA_FRAME_SIDE = 640  # pixels; a picture with a longer side up to this is taken for a frame of a camera
# Pixels of the longer side to which a picture is downscaled: of frames, and of a photo that a face may fill with little
# or nothing around it: there, a margin of so many pixels is put around.
CLOSE_UP_SIDE, TILTED_SIDE, UPRIGHT_SIDE = 140, 240, 340
TIGHT_CROP_SIDE, MARGIN = 100, 30
STRIP_PIXELS = 12_000_000  # of a picture that are searched at once
# Scale factors of windows. Up to 40 pixels, twice the cascade's own window, OpenCV looks at every other place only,
# which takes a quarter of the time. 1.25 makes the most of that (25, 31, 39 pixels), 1.2 the least (24, 29, 35).
COARSE, MEDIUM, FINE = 1.25, 1.12, 1.1
# Such small windows are all that a pyramid needs. One by half octaves shows each face at two or three of its sizes.
MAX_SMALL_FACE_SIDE, PYRAMID_STEP, MIN_PYRAMID_SIDE = 40, 0.5**0.5, 30  # pixels, share, pixels
MAX_TILTED_SIDE = 320  # pixels of the longer side of what is searched rotated in a video
MIN_CLOSE_UP_FACE = 32  # pixels of a face at CLOSE_UP_SIDE, from which on it is close to the camera
VERIFIED_SIDE = 36  # pixels of a face that another cascade verifies
# Degrees by which a picture is rotated to detect tilted faces, and a face to be verified.
TILT_ANGLES, VERIFICATION_ANGLES = (-15, 15), (-20, 0, 20)
# A run's score is the square root of its votes: many runs that agree are worth more than one that is loud. SURE: votes
# of one run, or the score of tilted ones, for a face in a frame.
SURE = 2
# In a photo, the network's log-odds that a box is a face, as the mean over these views of it (changes of its corner and
# of its side, in sides), and a share of its score must add up to more than MIN_TOTAL. Chosen on 233 photos and 61
# composites: `python benchmarks/find_faces.py choose`.
VIEWS = ((0, 0, 0), (-0.06, 0, 0), (0.06, 0, 0), (0, -0.06, 0), (0, 0.06, 0), (-0.06, -0.06, 0.12), (0.05, 0.05, -0.1))
SCORE_SHARE, MIN_TOTAL = 0.2, 2.8
# FER-2013 itself was framed by a face detector. Run on 3,000 of its pictures, the cascade's box has the centre of
# the picture (medians 0.503, 0.497) and 0.974 of its side: `python benchmarks/framing.py data/fer2013.csv`.
BOX_IN_CROP = 0.974


def detect_faces(grey: np.ndarray) -> np.ndarray:
    """Detect the faces in a (height, width) uint8 picture: thoroughly in a photo, fast in a frame of a camera.

    A frame, which is a picture of up to 640 pixels, is searched for close-ups, then at a higher resolution, then
    rotated, and done as soon as a face is sure; somebody else who is far behind or tilts the head may then be missed.
    Returns (n, 4) int64 boxes, largest first: x and y of the top left corner, width, height, in pixels.
    """
    if not is_camera_frame(grey):
        return detect_thorough(grey)
    close_ups = detect_close_up(grey)
    return close_ups if len(close_ups) else detect_fast(grey)


def is_camera_frame(grey: np.ndarray) -> bool:
    """Tell whether a picture is taken for a frame of a camera, not for a photo."""
    return max(grey.shape) <= CAMERA_FRAME_SIDE


def detect_close_up(grey: np.ndarray) -> np.ndarray:
    """Detect faces close to the camera at a low resolution, in a few milliseconds; boxes as from `detect_faces`.

    None at all unless each is sure and the largest so wide that somebody beside it could not be missed for being small:
    then the frame is to be searched at a higher resolution.
    """
    (found,) = propose_faces(grey, CLOSE_UP_SIDE, COARSE)
    is_close = found[:, 2].max(initial=0) > MIN_CLOSE_UP_FACE * max(1.0, max(grey.shape) / CLOSE_UP_SIDE)
    are_sure = is_close and len(keep_sure_faces(grey, found)) == len(found)
    return sort_by_area(found[:, :4] if are_sure else np.empty((0, 4)))


def detect_fast(grey: np.ndarray) -> np.ndarray:
    """Detect the faces in a frame that is soon followed by another: those upright, near and far, or else those tilted.

    Boxes as from `detect_faces`.
    """
    upright = keep_sure_faces(grey, *propose_faces(grey, UPRIGHT_SIDE, COARSE))
    if len(upright):
        return suppress_non_maxima(upright)
    tilted = fuse_and_score(propose_faces(grey, TILTED_SIDE, COARSE, TILT_ANGLES, keep_corners=False))
    return suppress_non_maxima(keep_sure_faces(grey, tilted, VERIFICATION_ANGLES))


def detect_in_video(grey: np.ndarray) -> np.ndarray:
    """Detect the faces in a frame of a video, small ones only if they are upright; boxes as from `detect_faces`.

    That takes half the time of `detect_thorough`.
    """
    return suppress_non_maxima(verify_proposals(grey, search_pyramid(grey, MAX_TILTED_SIDE)))


def detect_thorough(grey: np.ndarray) -> np.ndarray:
    """Detect faces that are small, tilted, half turned away or badly lit, too; boxes as from `detect_faces`.

    A cascade expects more of the head than a picture shows that was cropped close to the face: hence the margin.
    """
    tight = propose_faces(grey, TIGHT_CROP_SIDE, FINE, (0, *TILT_ANGLES), margin=MARGIN)
    tilted_side = CAMERA_FRAME_SIDE if is_camera_frame(grey) else max(grey.shape) / 2
    return suppress_non_maxima(verify_proposals(grey, [*tight, *search_pyramid(grey, tilted_side)]))


def search_pyramid(grey: np.ndarray, max_tilted_side: float) -> list[np.ndarray]:
    """Search a picture for small faces as it is, at 71 % of its size, at half of it, and so on.

    Large pictures are searched more finely, because a small face gets few windows; small ones cost little, so they are
    also searched with their contrast equalised. max_tilted_side: pixels of the longer side of the pictures that are
    also searched rotated by some degrees. Returns runs of (n, 5) boxes, each with one vote.
    """
    runs, scale, picture = [], 1.0, grey
    while max(picture.shape) >= MIN_PYRAMID_SIDE:
        is_small = is_camera_frame(picture)
        looks = (picture, cv2.equalizeHist(picture)) if is_small else (picture,)
        for angle in (0, *TILT_ANGLES) if max(picture.shape) <= max_tilted_side else (0,):
            scale_factor = COARSE if is_small or angle else MEDIUM
            for look in looks:
                rotated, back = rotate(look, angle)
                runs.append(move_back(search_strips(rotated, scale_factor), back, scale))
        scale, picture = scale * PYRAMID_STEP, downscale(picture, PYRAMID_STEP)
    return runs


def search_strips(picture: np.ndarray, scale_factor: float) -> np.ndarray:
    """Search a picture for faces of 24 to 40 pixels, strip by strip: a cascade takes 30 bytes of memory a pixel.

    Returns (n, 5) boxes, each with one vote.
    """
    rows = max(MAX_SMALL_FACE_SIDE, STRIP_PIXELS // picture.shape[1])
    strips = []
    for top in range(0, picture.shape[0], rows):
        strip = picture[top : top + rows + MAX_SMALL_FACE_SIDE]  # what begins in the rows below is found there
        found = run_cascade(ALT2, strip, scale_factor, MIN_FACE_SIDE, MAX_SMALL_FACE_SIDE, min_neighbours=0)
        found[:, 1] += top
        strips.append(found[found[:, 1] < top + rows])
    return np.concatenate(strips)


def propose_faces(
    grey: np.ndarray,
    side: int,
    scale_factor: float,
    angles: tuple[float, ...] = (0,),
    keep_corners: bool = True,
    margin: int = 0,
) -> list[np.ndarray]:
    """Run a cascade over a picture, downscaled to a longer side in pixels and rotated by each of some degrees.

    keep_corners: of what is rotated, which takes half as long again. margin: pixels put around the picture.
    Returns (n, 5) boxes and votes for each angle, upright squares in pixels of the given picture.
    """
    scale = min(1.0, side / max(grey.shape))
    upright = downscale(grey, scale)
    upright = cv2.equalizeHist(upright) if side <= TILTED_SIDE else cv2.createCLAHE(2.0, (8, 8)).apply(upright)
    upright = cv2.copyMakeBorder(upright, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    runs = []
    for angle in angles:
        rotated, back = rotate(upright, angle, keep_corners)
        found = run_cascade(ALT2, rotated, scale_factor, MIN_FACE_SIDE)
        runs.append(move_back(found, back, scale, margin))
    return runs


def move_back(found: np.ndarray, back: np.ndarray, scale: float, margin: int = 0) -> np.ndarray:
    """Return (n, 5) boxes of a rotated and scaled picture in pixels of the one that was given; back: (2, 3) matrix."""
    centres = found[:, :2] + found[:, 2:4] / 2
    corners = centres @ back[:, :2].T + back[:, 2] - found[:, 2:4] / 2 - margin
    return np.column_stack([corners / scale, found[:, 2:4] / scale, found[:, 4]])


def fuse_and_score(runs: list[np.ndarray]) -> np.ndarray:
    """Fuse what several runs detect of the same face; return (m, 5) boxes, each with the sum of the runs' scores."""
    boxes, votes = fuse_boxes(runs)
    return np.column_stack([boxes, np.sqrt(votes).sum(axis=1)])


def keep_sure_faces(grey: np.ndarray, found: np.ndarray, angles: tuple[float, ...] = (0,)) -> np.ndarray:
    """Keep those of (n, 5) boxes that are sure by their votes or score, or that another cascade verifies."""
    sure = [box[4] > SURE or verification_score(grey, box[:4], angles) > 0 for box in found]
    return found[np.array(sure, bool)]


def verify_proposals(grey: np.ndarray, runs: list[np.ndarray]) -> np.ndarray:
    """Let the network verify what several runs propose; return (n, 5) boxes and totals of those that are faces."""
    found = fuse_and_score(runs)
    views = found[:, None, :4] + found[:, None, 2:3] * np.array(VIEWS)[:, [0, 1, 2, 2]]  # (n, views, 4)
    logits = face_logits(crop_faces(grey, views.reshape(-1, 4))).reshape(-1, len(VIEWS))
    found[:, 4] = logits.mean(axis=1) + SCORE_SHARE * found[:, 4]
    return found[found[:, 4] > MIN_TOTAL]


def verification_score(grey: np.ndarray, box: np.ndarray, angles: tuple[float, ...]) -> float:
    """Return how sure another cascade is of a face in a box, seen in the same size and light, rotated by some degrees.

    That is the sum, over the angles, of the square roots of its votes for the box's middle; 0: it detects none.
    """
    side = round(1.7 * VERIFIED_SIDE)
    left, top, length = (round(value) for value in (*(box[:2] - 0.35 * box[2:]), 1.7 * box[2]))
    surroundings = crop_and_resize(grey, (left, top, length, length), side)
    total = 0.0
    for angle in angles:
        rotation = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1)
        rotated = cv2.warpAffine(surroundings, rotation, surroundings.shape, borderMode=cv2.BORDER_REPLICATE)
        equalised = cv2.equalizeHist(rotated)
        found = run_cascade(ALT, equalised, 1.1, round(0.75 * VERIFIED_SIDE), round(1.35 * VERIFIED_SIDE))
        offsets = np.abs(found[:, :2] + found[:, 2:4] / 2 - side / 2).max(axis=1, initial=0)
        total += np.sqrt(found[offsets < VERIFIED_SIDE / 4, 4].sum())
    return total


def suppress_non_maxima(found: np.ndarray) -> np.ndarray:
    """Keep the best of (n, 5) boxes with scores where one has another's centre in it; boxes as from `detect_faces`."""
    kept: list[np.ndarray] = []
    for box in found[np.argsort(-found[:, 4], kind="stable"), :4]:
        centre = box[:2] + box[2:] / 2
        inside = [
            (np.abs(centre - other[:2] - other[2:] / 2) < np.maximum(box[2:], other[2:]) / 2).all() for other in kept
        ]
        if not any(inside):
            kept.append(box)
    return sort_by_area(np.reshape(kept, (-1, 4)))


def sort_by_area(boxes: np.ndarray) -> np.ndarray:
    """Round (n, 4) boxes to int64 pixels and sort them, largest first."""
    boxes = np.rint(boxes).astype(np.int64)
    return boxes[np.argsort(-boxes[:, 2] * boxes[:, 3], kind="stable")]


def downscale(picture: np.ndarray, scale: float) -> np.ndarray:
    """Scale a picture by a factor 0–1."""
    width, height = (max(1, round(length * scale)) for length in reversed(picture.shape))
    while scale <= 0.5 and min(picture.shape) > 1:  # to halve a picture first takes a tenth of the time
        picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # it averages: no aliasing
        scale *= 2
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def rotate(picture: np.ndarray, angle: float, keep_corners: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Rotate a picture by degrees; return it, and the (2, 3) matrix from its pixels to those before."""
    if angle == 0:
        return picture, np.eye(2, 3)
    height, width = picture.shape
    rotation = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1)
    if keep_corners:
        corners = cv2.transform(np.array([[(0, 0), (width, 0), (0, height), (width, height)]], float), rotation)[0]
        rotation[:, 2] -= corners.min(axis=0)
        width, height = np.ceil(np.ptp(corners, axis=0)).astype(int).tolist()
    rotated = cv2.warpAffine(picture, rotation, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return rotated, cv2.invertAffineTransform(rotation)


def crop_faces(grey: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Crop the boxes of a (height, width) uint8 picture, framed as in FER-2013.

    boxes: (n, 4) as from `detect_faces`. Returns (n, 48, 48) uint8; what lies beyond the picture's edge repeats it.
    """
    crops = np.empty((len(boxes), SIDE, SIDE), np.uint8)
    for crop, (x, y, width, height) in zip(crops, boxes, strict=True):
        side = max(1, round(width / BOX_IN_CROP))
        square = (round(x + (width - side) / 2), round(y + (height - side) / 2), side, side)
        crop[:] = crop_and_resize(grey, square, SIDE)
    return crops


def crop_and_resize(grey: np.ndarray, box: np.ndarray | tuple, side: int) -> np.ndarray:
    """Crop a box that is in the picture, at least in part, and scale it to (side, side); the edge repeats."""
    left, top, width, height = (int(value) for value in box)
    crop = cv2.getRectSubPix(grey, (width, height), (left + (width - 1) / 2, top + (height - 1) / 2))
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if width > side else cv2.INTER_CUBIC)
