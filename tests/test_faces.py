"""Faces found in real photos, under the conditions of real photos; none where there is none."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage
import sklearn.datasets
from face_photos import Photo, compose, cut_close, matches
from PIL import Image

from fer.faces.cascades import ALT2, fuse_boxes, intersection_over_union, run_cascade
from fer.faces.detection import (
    CAMERA_FRAME_SIDE,
    CLOSE_UP_SIDE,
    COARSE,
    MIN_FACE_SIDE,
    TILTED_SIDE,
    UPRIGHT_SIDE,
    VERIFICATION_ANGLES,
    crop_faces,
    detect_close_up,
    detect_faces,
    detect_fast,
    detect_in_video,
    detect_thorough,
    downscale,
    keep_sure_faces,
    propose_faces,
    suppress_non_maxima,
    verification_score,
    verify_proposals,
)
from fer.faces.verifier import CROPS_AT_ONCE, face_logits

ANGLES = VERIFICATION_ANGLES
# Marked by hand, hairline to chin.
HOPPER_FACE = np.array([[175, 75, 175, 250]])
COLLINS_FACE = np.array([[182, 62, 85, 112]])
EACH = np.eye(2, dtype=bool).tolist()  # of two faces, found once each
# scikit-image brings 100 faces of Labeled Faces in the Wild, of 25×25 pixels.
IN_THE_WILD = (np.load(Path(skimage.__file__).parent / "data" / "lfw_subset.npy")[:100] * 255).astype(np.uint8)
WITHOUT_FACES = [
    *(Path(sklearn.datasets.__file__).parent / "images" / name for name in ("china.jpg", "flower.jpg")),
    *(Path(skimage.__file__).parent / "data" / name for name in ("chelsea.png", "coffee.png", "brick.png")),
]


def read_grey(path: Path, longest: int = 800) -> np.ndarray:
    image = Image.open(path).convert("L")
    image.thumbnail((longest, longest))
    return np.asarray(image)


def grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def rotated(image: np.ndarray, face: np.ndarray, angle: float) -> np.ndarray:
    """Turn a picture about the middle of a face, so that the face stays where it is."""
    x, y, width, height = face[0].tolist()
    turn = cv2.getRotationMatrix2D((x + width / 2, y + height / 2), angle, 1)
    return cv2.warpAffine(image, turn, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("path", WITHOUT_FACES, ids=lambda path: path.name)
def test_no_face_in_photos_without_any(path: Path):
    assert len(detect_thorough(read_grey(path))) == 0
    assert len(detect_fast(read_grey(path))) == 0
    for find in (detect_faces, detect_in_video):
        assert len(find(read_grey(path, CAMERA_FRAME_SIDE))) == 0


CONDITIONS = {
    "as it is": lambda image, face: image,
    "dark": lambda image, face: (image * 0.25).astype(np.uint8),
    "blurred": lambda image, face: cv2.GaussianBlur(image, (0, 0), face[0, 2] / 40),
    "tilted left": lambda image, face: rotated(image, face, 22),
    "tilted right": lambda image, face: rotated(image, face, -22),
    "one side dark": lambda image, face: (image * np.linspace(0.15, 1, image.shape[1])).astype(np.uint8),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_portraits_are_found_as_the_only_face(condition: str, hopper: np.ndarray, collins: np.ndarray):
    for image, face in ((hopper, HOPPER_FACE), (collins, COLLINS_FACE)):
        boxes = detect_faces(CONDITIONS[condition](grey(image), face))
        assert matches(boxes, face).tolist() == [[True]]


def test_a_frame_is_searched_no_longer_than_it_takes(hopper: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    upright, tilted = grey(hopper), rotated(grey(hopper), HOPPER_FACE, 20)
    assert len(detect_close_up(upright)) == 1
    assert len(detect_close_up(tilted)) == 0
    monkeypatch.setattr("fer.faces.detection.verify_proposals", None)  # it would fail
    for frame in (upright, tilted):
        assert matches(detect_faces(frame), HOPPER_FACE).tolist() == [[True]]


def test_faces_further_away_are_searched_closely(collins: np.ndarray):
    head = cv2.resize(grey(collins)[:256, 100:356], (240, 240), interpolation=cv2.INTER_AREA)
    frame = np.full((480, 640), 128, np.uint8)
    frame[200:440, 380:620], frame[200:440, 40:280] = head, head
    assert len(detect_close_up(frame)) == 0
    for find in (detect_faces, detect_fast):
        assert matches(find(frame), [[117, 258, 80, 105], [457, 258, 80, 105]]).tolist() in (EACH, EACH[::-1])


def test_tilted_face_is_framed_as_the_upright_one(hopper: np.ndarray):
    upright = detect_thorough(grey(hopper))[0]
    tilted = detect_thorough(rotated(grey(hopper), HOPPER_FACE, 20))[0]
    assert intersection_over_union(tilted[None].astype(float), upright.astype(float))[0] > 0.7


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("bottom", [False, True])
def test_a_tilted_face_in_a_corner_of_a_photo_is_found(collins: np.ndarray, right: bool, bottom: bool):
    head = cv2.resize(rotated(grey(collins), COLLINS_FACE, -18)[40:200, 140:310], (102, 96))
    place = np.array([(800 - 102) * right, (600 - 96) * bottom])
    photo = np.full((600, 800), 128, np.uint8)
    photo[place[1] : place[1] + 96, place[0] : place[0] + 102] = head
    face = (COLLINS_FACE - (140, 40, 0, 0)) * 0.6 + (*place, 0, 0)
    assert matches(detect_thorough(photo), face).tolist() == [[True]]


def test_groups_on_photos_without_faces(hopper: np.ndarray, collins: np.ndarray):
    """The benchmark's composites: tilted, small, dark, blurred; most are found, and hardly anything else."""
    people = [
        Photo("hopper", Image.fromarray(grey(hopper)), HOPPER_FACE, np.array([True])),
        Photo("collins", Image.fromarray(grey(collins)), COLLINS_FACE, np.array([True])),
    ]
    grounds = [
        Photo(path.name, Image.fromarray(read_grey(path)), np.empty((0, 4)), np.empty(0, bool))
        for path in WITHOUT_FACES[:2]
    ]
    faces = found = false = 0
    for photo in compose(people * 6 + grounds, seed=5):
        hits = matches(detect_thorough(np.asarray(photo.image)), photo.faces)
        faces, found, false = (
            faces + len(photo.faces),
            found + hits.any(axis=0).sum(),
            false + (~hits.any(axis=1)).sum(),
        )
    assert faces == 12
    assert found >= 10
    assert false <= 1


def test_a_face_that_fills_its_picture_is_found(hopper: np.ndarray, collins: np.ndarray):
    photos = [
        Photo("portrait", Image.fromarray(grey(image)), face, np.array([True]))
        for image, face in ((hopper, HOPPER_FACE), (collins, COLLINS_FACE))
    ]
    for photo in cut_close(photos):
        assert matches(detect_thorough(np.asarray(photo.image)), photo.faces).tolist() == [[True]]


def test_somebody_far_behind_is_found_too(hopper: np.ndarray, collins: np.ndarray):
    """Sizes of one to five: too far apart for a low resolution, found at a higher one."""
    both = np.full((700, 1200), 128, np.uint8)
    both[:600, 20:532] = grey(hopper)[:600]
    small = cv2.resize(grey(collins)[:256, 100:356], None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    both[300 : 300 + small.shape[0], 800 : 800 + small.shape[1]] = small
    boxes = detect_faces(both)
    face = (COLLINS_FACE - (100, 0, 0, 0)) * 0.45 + (800, 300, 0, 0)
    expected = np.concatenate([HOPPER_FACE + np.array([20, 0, 0, 0]), face])
    assert (matches(boxes, expected) == np.eye(2, dtype=bool)).all()  # the larger one first


def test_boxes_of_both_cascades_are_framed_alike(hopper: np.ndarray, collins: np.ndarray):
    ratios = []
    for image in (hopper, collins):
        for scale in (0.5, 0.7, 1):
            small = cv2.resize(grey(image), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            found = (run_cascade(name, small, 1.1, MIN_FACE_SIDE) for name in ("frontalface_default", ALT2))
            first, second = (boxes[boxes[:, 4].argmax()] for boxes in found)
            ratios.append(second[2] / first[2])
            assert np.abs(second[:2] + second[2:4] / 2 - first[:2] - first[2:4] / 2).max() < 0.06 * first[2]
    assert np.mean(ratios) == pytest.approx(1, abs=0.03)


def test_overlapping_boxes_become_one():
    first = np.array([[100, 100, 50, 50, 6], [300, 100, 40, 40, 2]], float)
    second = np.array([[104, 100, 50, 50, 2]], float)
    boxes, votes = fuse_boxes([first, second])
    np.testing.assert_allclose(boxes, [[101, 100, 50, 50], [300, 100, 40, 40]])
    np.testing.assert_array_equal(votes, [[6, 2], [2, 0]])
    assert fuse_boxes([np.empty((0, 5))])[0].shape == (0, 4)


def test_a_box_in_a_box_is_dropped():
    found = np.array([[100, 100, 100, 100, 80], [120, 130, 40, 40, 90], [400, 100, 60, 60, 70]], float)
    np.testing.assert_array_equal(suppress_non_maxima(found), found[[2, 1], :4])  # the larger one first
    assert suppress_non_maxima(found[:0]).shape == (0, 4)


def test_verification_tells_a_face_from_what_is_none(hopper: np.ndarray):
    ground = read_grey(WITHOUT_FACES[0])
    places = np.random.default_rng(1).integers((0, 0), (500, 300), (10, 2))
    noise = [verification_score(ground, np.array([x, y, 90, 90], float), ANGLES) for x, y in places]
    assert verification_score(grey(hopper), np.array([155, 90, 215, 215], float), ANGLES) > 2 * max(noise)


def test_votes_enough_or_one_more_cascade_make_sure(hopper: np.ndarray):
    face, collar = [155, 90, 215, 215], [200, 430, 90, 90]
    found = np.array([[*face, 2], [*collar, 2], [*collar, 9]], float)
    np.testing.assert_array_equal(keep_sure_faces(grey(hopper), found), found[[0, 2]])
    assert keep_sure_faces(grey(hopper), found[:0]).shape == (0, 5)


def test_light_does_not_matter_to_verification(hopper: np.ndarray):
    box = np.array([155, 90, 215, 215], float)
    bright, dark = (verification_score((grey(hopper) * light).astype(np.uint8), box, ANGLES) for light in (1, 0.3))
    assert dark > 0.7 * bright


def faint(image: np.ndarray) -> np.ndarray:
    """Leave fifteen shades of grey, as in fog."""
    return (image * 0.06 + 100).astype(np.uint8)


@pytest.mark.parametrize("side", [TILTED_SIDE, UPRIGHT_SIDE])
def test_fog_does_not_hide_a_face_from_a_run(hopper: np.ndarray, side: int):
    (found,) = propose_faces(faint(grey(hopper)), side, COARSE)
    assert matches(found[:, :4], HOPPER_FACE).any()


def test_fog_does_not_hide_faces_cut_out_closely():
    """Without the margin around the picture 90 are found, without the equalised pictures none."""
    room = [cv2.copyMakeBorder(cv2.resize(face, (75, 75)), *[20] * 4, cv2.BORDER_REPLICATE) for face in IN_THE_WILD]
    assert sum(len(detect_thorough(faint(face))) for face in room) > 92


def test_fog_does_not_matter_to_verification(collins: np.ndarray):
    box = detect_thorough(grey(collins))[0].astype(float)
    assert verification_score(faint(grey(collins)), box, ANGLES) > 0.4 * verification_score(grey(collins), box, ANGLES)


def test_the_network_tells_faces_from_what_is_none(hopper: np.ndarray, collins: np.ndarray):
    portraits = np.concatenate([crop_faces(grey(image), detect_thorough(grey(image))) for image in (hopper, collins)])
    in_the_wild = np.array([cv2.resize(face, (48, 48), interpolation=cv2.INTER_CUBIC) for face in IN_THE_WILD])
    grounds = [read_grey(path, CAMERA_FRAME_SIDE) for path in WITHOUT_FACES]
    places = np.random.default_rng(1).integers((0, 0, 24), (250, 150, 100), (50, 3))
    noise = np.concatenate([crop_faces(ground, places[:, [0, 1, 2, 2]]) for ground in grounds])
    assert (face_logits(portraits) > 0).all()
    assert np.median(face_logits(in_the_wild)) > 1
    assert (face_logits(noise) < 0).mean() > 0.97


def test_light_and_mirroring_matter_little_to_the_network(hopper: np.ndarray):
    crops = crop_faces(grey(hopper), detect_thorough(grey(hopper)))
    for changed in ((crops * 0.3).astype(np.uint8), crops[:, :, ::-1], faint(crops)):
        assert face_logits(changed)[0] > 0


def test_thousands_of_crops_are_answered_as_one_by_one():
    crops = np.random.default_rng(0).integers(0, 256, (CROPS_AT_ONCE + 3, 48, 48), dtype=np.uint8)
    logits = face_logits(crops)
    assert logits.shape == (len(crops),)
    np.testing.assert_allclose(logits[-4:], [face_logits(crop[None])[0] for crop in crops[-4:]], rtol=1e-4)
    assert face_logits(crops[:0]).shape == (0,)


@pytest.mark.parametrize("angle", [-22, 22])
def test_tilted_faces_in_a_video_are_found(hopper: np.ndarray, collins: np.ndarray, angle: int):
    for image, face in ((hopper, HOPPER_FACE), (collins, COLLINS_FACE)):
        assert matches(detect_in_video(rotated(grey(image), face, angle)), face).tolist() == [[True]]


def test_of_a_box_in_a_box_one_is_agreed_on(hopper: np.ndarray):
    found = np.array([[155, 90, 215, 215, 90], [200, 150, 70, 70, 80]], float)
    assert suppress_non_maxima(verify_proposals(grey(hopper), [found])).tolist() == [[155, 90, 215, 215]]


def test_boxes_of_both_cascades_are_framed_alike_in_the_wild():
    ratios = []
    for face in IN_THE_WILD[:40]:
        room = cv2.copyMakeBorder(cv2.resize(face, (75, 75)), 20, 20, 20, 20, cv2.BORDER_REPLICATE)
        found = [run_cascade(name, room, 1.02, MIN_FACE_SIDE) for name in ("frontalface_default", ALT2)]
        if all(map(len, found)):
            first, second = (boxes[boxes[:, 4].argmax()] for boxes in found)
            ratios.append(second[2] / first[2])
    assert len(ratios) > 35
    assert np.mean(ratios) == pytest.approx(1.01, abs=0.014)


@pytest.mark.parametrize("scale", [0.21, 0.3, 0.5])
def test_fine_stripes_become_grey(scale: float):
    stripes = np.tile(np.array([[0, 255]], np.uint8), (400, 200))
    assert downscale(stripes, scale).std() < 1


def test_a_face_at_middle_distance_does_not_hide_somebody_behind(collins: np.ndarray):
    head, frame = grey(collins)[:256, 100:356], np.full((480, 640), 128, np.uint8)
    frame[:323, :323] = cv2.resize(head, (323, 323), interpolation=cv2.INTER_AREA)
    frame[340:475, 500:635] = cv2.resize(head, (135, 135), interpolation=cv2.INTER_AREA)
    (found,) = propose_faces(frame, CLOSE_UP_SIDE, COARSE)
    assert len(found) == 1  # the larger one only
    assert len(detect_close_up(frame)) == 0
    assert len(detect_faces(frame)) == 2


def crowd(collins: np.ndarray, side: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return a photo of (height, width) with a face of so many pixels in three of its corners, and these faces."""
    scale = side / np.sqrt(COLLINS_FACE[0, 2:].prod())
    head = cv2.resize(grey(collins)[:260, 110:310], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    photo, faces = np.full(shape, 128, np.uint8), []
    for left, top in ((10, 10), (shape[1] - 220, 15), (31, shape[0] - 270)):
        photo[top : top + head.shape[0], left : left + head.shape[1]] = head
        faces.append((COLLINS_FACE[0] - (110, 0, 0, 0)) * scale + (left, top, 0, 0))
    return photo, np.array(faces)


def found_once(boxes: np.ndarray, faces: np.ndarray) -> bool:
    hits = matches(boxes, faces)
    return (hits.sum(axis=0) == 1).all() and (hits.sum(axis=1) == 1).all()


@pytest.mark.parametrize("side", [26, 40, 62, 97])
@pytest.mark.parametrize("shape", [(600, 700), (1500, 2000), (2400, 900)])
def test_small_faces_are_found_in_a_photo_of_any_size(collins: np.ndarray, side: int, shape: tuple[int, int]):
    photo, faces = crowd(collins, side, shape)
    assert found_once(detect_thorough(photo), faces)


@pytest.mark.parametrize("side", [30, 70])
def test_small_faces_are_found_in_a_large_video(collins: np.ndarray, side: int):
    frame, faces = crowd(collins, side, (1080, 1920))
    assert found_once(detect_in_video(frame), faces)


def test_somebody_close_does_not_hide_people_far_behind(hopper: np.ndarray, collins: np.ndarray):
    photo, faces = crowd(collins, 45, (1500, 2000))
    photo[200:1400, 600:1600] = cv2.resize(grey(hopper), (1000, 1200))
    large = HOPPER_FACE * (1000 / 512, 2, 1000 / 512, 2) + (600, 200, 0, 0)
    assert found_once(detect_thorough(photo), np.concatenate([large, faces]))


def test_fused_boxes_do_not_depend_on_the_order_of_windows():
    """A cascade's threads answer in any order."""
    found = np.column_stack([np.random.default_rng(1).uniform(0, 60, (40, 2)), np.full((40, 2), 30.0), np.ones(40)])
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(found)
        np.testing.assert_allclose(fuse_boxes([shuffled])[0], fuse_boxes([found])[0])


@pytest.mark.parametrize("top", [0, 300, 380])
def test_a_face_where_two_strips_meet_is_found_once(collins: np.ndarray, top: int, monkeypatch: pytest.MonkeyPatch):
    frame = np.full((900, 1200), 128, np.uint8)
    frame[top : top + 150, 400:550] = cv2.resize(grey(collins)[:300, 80:380], (150, 150), interpolation=cv2.INTER_AREA)
    face = COLLINS_FACE // 2 + np.array([400 - 40, top, 0, 0])
    for strip_pixels in (12_000_000, 1):  # 1: strips of 40 rows
        monkeypatch.setattr("fer.faces.detection.STRIP_PIXELS", strip_pixels)
        assert matches(detect_thorough(frame), face).tolist() == [[True]]
