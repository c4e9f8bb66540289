"""Each change of a training face is the one that it is called after, and batches are shuffled and blended as said."""

import cv2
import keras
import numpy as np
import pytest
from conftest import drawn_face
from tiny import CPU, RECIPE, drawn_faces

from fer.data.samples import portrait_faces
from fer.training.augmentation import Augmentation, MixupBatches
from fer.training.fit import make_batches, one_hot, repeat_to_fill
from fer.training.recipes import RECIPES


def augment(faces: np.ndarray, training: bool = True, **amounts: float) -> np.ndarray:
    """Change (n, 48, 48, 1) faces, always by the same random numbers."""
    return keras.ops.convert_to_numpy(Augmentation(**amounts, seed=1)(faces, training=training))


@pytest.fixture(scope="module")
def portraits() -> np.ndarray:
    """Two portraits, 200 times each: (400, 48, 48, 1) uint8."""
    return np.tile(portrait_faces(), (200, 1, 1, 1))


@pytest.fixture(scope="module")
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (400, 48, 48, 1), np.uint8)


def same(changed: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Tell of each face whether no pixel differs."""
    return np.abs(changed - faces).max(axis=(1, 2, 3)) < 0.01


def closer_to_mirrored(changed: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Tell of each face whether it was mirrored: (n, 1, 1, 1) bool."""
    original, mirrored = (((changed - seen) ** 2).sum(axis=(1, 2, 3)) for seen in (faces, faces[:, :, ::-1]))
    return (mirrored < original)[:, None, None, None]


def test_it_changes_faces_in_training_only(portraits: np.ndarray):
    amounts = RECIPES["modern"].augmentation
    used = augment(portraits, training=False, **amounts)
    assert used.dtype == np.float32
    np.testing.assert_array_equal(used, portraits)
    trained = augment(portraits, **amounts)
    assert trained.shape == portraits.shape
    assert trained.dtype == np.float32
    assert trained.min() >= 0
    assert trained.max() <= 255
    assert not same(trained, portraits).any()
    np.testing.assert_array_equal(trained, augment(portraits, **amounts))  # the same seed
    layer = Augmentation(**amounts, seed=1)
    first, second = (keras.ops.convert_to_numpy(layer(portraits, training=True)) for _ in range(2))
    assert not same(first, second).any()  # in each step anew


def test_without_amounts_half_of_the_faces_are_mirrored_and_nothing_else(noise: np.ndarray):
    changed = augment(noise)
    kept, mirrored = same(changed, noise), same(changed, noise[:, :, ::-1])
    assert (kept ^ mirrored).all()
    assert 160 < mirrored.sum() < 240  # half, within four standard deviations


def test_shifted_faces_keep_their_pixels_and_repeat_the_edge(noise: np.ndarray):
    """By whole pixels, of which no value is mixed; up to a tenth of 48 is five, rounded."""
    offsets = np.array(shifts_of(augment(noise[:100], shift=0.1), noise[:100]))
    assert np.abs(offsets).max(axis=0).tolist() == [5, 5]
    assert all(len(set(axis)) == 11 for axis in offsets.T)


def shifts_of(changed: np.ndarray, faces: np.ndarray) -> list[tuple[int, int]]:
    """Find the whole pixels by which each face was shifted; fail where there are none."""
    offsets = []
    for result, face in zip(changed[..., 0], faces[..., 0], strict=True):
        found = [
            (down, right)
            for seen in (face, face[:, ::-1])
            for down in range(-6, 7)
            for right in range(-6, 7)
            if np.array_equal(shifted(seen, down, right).round(), result.round())
        ]
        assert len(found) == 1, "no whole pixels"
        offsets += found
    return offsets


def shifted(face: np.ndarray, down: int, right: int) -> np.ndarray:
    rows, columns = (np.clip(np.arange(48) + by, 0, 47) for by in (down, right))
    return face[rows][:, columns].astype(np.float32)


def test_half_of_the_faces_are_moved_by_whole_pixels_only(noise: np.ndarray):
    """The others are turned and zoomed: their pixels are means of neighbours, so that noise fades."""
    inside = augment(noise, shift=0.1, rotation=15.0, zoom=0.15)[:, 8:-8, 8:-8].std(axis=(1, 2, 3))
    original = noise[:, 8:-8, 8:-8].std(axis=(1, 2, 3))
    sharp = inside > 0.9 * original
    assert 160 < sharp.sum() < 240
    assert np.median(inside[~sharp]) < 0.75 * np.median(original)


@pytest.mark.parametrize(("amounts", "most"), [({"rotation": 15.0}, 15.0), ({"rotation": 40.0}, 40.0)])
def test_faces_are_turned_about_their_centre_by_up_to_so_many_degrees(amounts: dict[str, float], most: float):
    """A bar through the centre tells the angle."""
    bars = np.zeros((300, 48, 48, 1), np.uint8)
    bars[:, 22:26, 4:44] = 255
    changed = augment(bars, **amounts)[..., 0]
    rows, columns = np.mgrid[:48, :48] - 23.5
    mass = changed.sum(axis=(1, 2))
    assert np.abs((changed * rows).sum(axis=(1, 2)) / mass).max() < 0.1
    assert np.abs((changed * columns).sum(axis=(1, 2)) / mass).max() < 0.1
    covariance = (changed * rows * columns).sum(axis=(1, 2))
    spread = (changed * (columns**2 - rows**2)).sum(axis=(1, 2))
    angles = np.rad2deg(np.arctan2(2 * covariance, spread) / 2)
    assert 0.9 * most < angles.max() <= most + 0.5
    assert 0.9 * most < -angles.min() <= most + 0.5
    turned = angles[np.abs(angles) > 0.1]
    assert 100 < len(turned) < 200
    assert np.abs(turned).mean() == pytest.approx(most / 2, rel=0.2)  # evenly drawn


def test_faces_are_zoomed_by_up_to_a_share_of_their_size():
    """The area of a square tells by how much; a zoom of 1.2 shows 1.2 times as much, so it is smaller by that."""
    squares = np.zeros((300, 48, 48, 1), np.uint8)
    squares[:, 14:34, 14:34] = 255
    size = np.sqrt(augment(squares, zoom=0.2).sum(axis=(1, 2, 3)) / 255) / 20
    assert 1 / 1.2 - 0.01 < size.min() < 0.87
    assert 1.18 < size.max() < 1 / 0.8 + 0.01


def test_light_and_contrast_change_within_their_amounts():
    face = np.tile(np.array([100, 150], np.uint8), 24 * 48).reshape(1, 48, 48, 1)
    faces = np.tile(face, (300, 1, 1, 1))
    means = augment(faces, brightness=0.1).mean(axis=(1, 2, 3)) - 125
    assert 0.9 * 25.5 < np.abs(means).max() <= 25.6
    assert np.abs(means).mean() == pytest.approx(25.5 / 2, rel=0.2)
    spread = np.ptp(augment(faces, contrast=0.3), axis=(1, 2, 3)) / 50
    np.testing.assert_allclose(augment(faces, contrast=0.3).mean(axis=(1, 2, 3)), 125, atol=0.01)
    assert 0.7 <= spread.min() < 0.75
    assert 1.25 < spread.max() <= 1.3
    bright = augment(np.full((50, 48, 48, 1), 250, np.uint8), brightness=0.5)
    assert bright.max() == 255


def test_blurred_faces_are_those_of_a_gaussian(portraits: np.ndarray):
    changed = augment(portraits, blur=0.3)
    original = np.where(closer_to_mirrored(changed, portraits), portraits[:, :, ::-1], portraits)
    chosen = ~same(changed, original)
    assert 80 < chosen.sum() < 160  # 0.3 of 400 within four standard deviations
    sigmas = np.arange(0.5, 1.26, 0.01)
    closest = []
    for result, face in zip(changed[chosen], original[chosen], strict=True):
        blurred = [cv2.GaussianBlur(face[..., 0].astype(np.float32), (15, 15), sigma) for sigma in sigmas]
        differences = [np.abs(one - result[..., 0])[7:-7, 7:-7].max() for one in blurred]
        closest.append(sigmas[np.argmin(differences)])
        assert min(differences) < 1  # of 255 grey values
    assert min(closest) < 0.6
    assert max(closest) > 1.15


def test_compressed_faces_are_those_of_a_jpeg(portraits: np.ndarray, monkeypatch: pytest.MonkeyPatch):
    """OpenCV's own, of quality 50, whose table is the standard's own; others' tables are rounded."""
    layer = Augmentation()
    monkeypatch.setattr(layer, "draw", lambda faces, low, high, *shape: np.full((len(faces), *shape), 50, np.float32))
    compressed = keras.ops.convert_to_numpy(layer.compressed(portraits[:2].astype(np.float32)))[..., 0]
    difference = np.abs(compressed - [jpeg(face, 50) for face in portraits[:2]])
    assert difference.mean() < 1
    assert np.quantile(difference, 0.95) < 3  # of 255 grey values


def test_faces_are_compressed_in_qualities_from_15_to_60(portraits: np.ndarray):
    changed = augment(portraits, compression=0.3)
    original = np.where(closer_to_mirrored(changed, portraits), portraits[:, :, ::-1], portraits)
    chosen = ~same(changed, original)
    assert 80 < chosen.sum() < 160
    qualities = []
    for result, face in zip(changed[chosen][:60, ..., 0], original[chosen][:60], strict=True):
        difference = {quality: np.abs(jpeg(face, quality) - result).mean() for quality in range(10, 66)}
        qualities.append(min(difference, key=difference.get))
        assert difference[qualities[-1]] < 0.5 * np.abs(result - face[..., 0]).mean()  # it loses the very same
    assert 14 <= min(qualities) < 25
    assert 50 < max(qualities) <= 60


def jpeg(face: np.ndarray, quality: int) -> np.ndarray:
    _, file = cv2.imencode(".jpg", np.ascontiguousarray(face), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(file, cv2.IMREAD_GRAYSCALE).astype(np.float32)


def test_erasing_fills_a_rectangle_in_its_share_of_the_faces(noise: np.ndarray):
    whole, erased = augment(noise), augment(noise, erasing=0.3)
    is_erased = whole != erased
    touched = is_erased.any(axis=(1, 2, 3))
    assert 80 < touched.sum() < 160
    heights, widths = (is_erased[touched].any(axis=(axis, 3)).sum(axis=1) for axis in (2, 1))
    assert 20 < heights.max() <= 24  # up to half of the face
    assert 44 < widths.max() <= 48  # up to all of it
    assert (is_erased[touched].sum(axis=(1, 2, 3)) > 0.9 * heights * widths).all()  # some had the mean already
    for number in np.flatnonzero(touched):
        filling = np.unique(erased[number][is_erased[number]])
        assert filling == pytest.approx([whole[number].mean()], abs=0.01)


def test_the_portraits_that_the_notebook_shows_are_faces():
    faces = portrait_faces()
    assert faces.shape == (2, 48, 48, 1)
    assert faces.dtype == np.uint8
    assert (faces.std(axis=(1, 2, 3)) > 30).all()


# Batches


@pytest.fixture(scope="module")
def greys() -> tuple[np.ndarray, np.ndarray]:
    """103 faces of one grey value each, and targets that tell which face is in them: (103, 48, 48), (103, 103)."""
    values = np.arange(103, dtype=np.uint8) * 2
    return np.ones((103, 48, 48), np.uint8) * values[:, None, None], np.eye(103, dtype=np.float32)


def epoch_of(batches: MixupBatches) -> tuple[np.ndarray, np.ndarray]:
    """Return all faces and targets of the next epoch."""
    faces, targets, _ = zip(*(batches[number] for number in range(len(batches))), strict=True)
    batches.on_epoch_end()
    return np.concatenate(faces), np.concatenate(targets)


def test_each_epoch_has_each_face_once_but_for_those_that_fill_no_batch(greys: tuple):
    batches = MixupBatches(*greys, batch_size=20)
    assert len(batches) == 5
    epochs = [epoch_of(batches)[1].argmax(axis=1) for _ in range(12)]
    assert all(len(epoch) == 100 == len(set(epoch)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 12  # each in an order of its own
    assert len(set(np.concatenate(epochs))) == 103  # and other ones are left out


def test_faces_and_targets_stay_together(greys: tuple):
    faces, targets = epoch_of(MixupBatches(*greys, batch_size=20))
    assert faces.shape == (100, 48, 48, 1)
    assert faces.dtype == np.uint8
    assert (faces == 2 * targets.argmax(axis=1)[:, None, None, None]).all()


@pytest.mark.parametrize(("size", "devices", "expected"), [(32, 1, 32), (32, 3, 30), (500, 1, 103), (500, 2, 102)])
def test_devices_share_a_batch_evenly_and_few_faces_are_one(size: int, devices: int, expected: int):
    recipe = RECIPE._replace(batch_size=size, label_smoothing=0.1)
    faces, targets, weights = make_batches(drawn_faces(103), recipe, CPU._replace(count=devices), False, 1)[0]
    assert len(faces) == len(targets) == len(weights) == expected
    assert targets.max() == pytest.approx(0.92)
    assert (weights == 1).all()


@pytest.mark.parametrize(("has_teachers", "expected"), [(True, 0.3), (False, 1.0)])
def test_labels_have_the_share_that_teachers_leave_them(has_teachers: bool, expected: float):
    recipe = RECIPE._replace(distillation_weight=0.7)
    _, _, weights = make_batches(drawn_faces(40), recipe, CPU, has_teachers, 1)[0]
    assert weights == pytest.approx([expected] * 32)


@pytest.mark.parametrize(("devices", "expected"), [(1, 63), (2, 64), (4, 64), (8, 64), (100, 100)])
def test_faces_for_validation_are_repeated_to_fill_all_devices(devices: int, expected: int):
    faces = drawn_faces(63)
    filled = repeat_to_fill(faces, devices)
    assert len(filled.labels) == expected
    np.testing.assert_array_equal(filled.images[:63], faces.images)
    np.testing.assert_array_equal(filled.images[63:], faces.images[: expected - 63])


def test_the_same_seed_makes_the_same_batches(greys: tuple):
    def epochs(seed: int) -> np.ndarray:
        batches = MixupBatches(*greys, batch_size=20, mixup_alpha=0.4, seed=seed)
        return np.stack([epoch_of(batches)[1] for _ in range(2)])

    np.testing.assert_array_equal(epochs(1), epochs(1))
    assert not np.array_equal(epochs(1), epochs(2))


def test_a_blended_face_has_the_targets_of_its_blend(greys: tuple):
    faces, targets = epoch_of(MixupBatches(*greys, batch_size=20, mixup_alpha=0.4))
    assert faces.dtype == np.uint8
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-5)
    expected = targets @ (2.0 * np.arange(103))
    np.testing.assert_allclose(faces, np.ones_like(faces) * expected[:, None, None, None], atol=0.51)
    assert (np.count_nonzero(targets > 0.001, axis=1) <= 2).all()
    largest = targets.max(axis=1)
    assert 0.75 < largest.mean() < 0.95  # one prevails, mostly
    assert (largest < 0.7).any()


def test_smoothed_labels_share_what_they_give_away():
    faces = drawn_faces(10)
    certain, smoothed = one_hot(faces), one_hot(faces, label_smoothing=0.1)
    assert certain.dtype == smoothed.dtype == np.float32
    assert certain.tolist() == np.eye(5)[faces.labels].tolist()
    assert smoothed.max(axis=1) == pytest.approx(0.92)  # 0.9 and a fifth of the 0.1 that all share
    assert smoothed.sum(axis=1) == pytest.approx(1)
    assert (smoothed.argmax(axis=1) == faces.labels).all()
    assert one_hot(faces._replace(classes=("a", "b", "c", "d", "e", "f"))).shape == (10, 6)


def test_a_drawn_face_survives_all_of_it():
    """What the other tests train on can still be told apart after the recipe's augmentation."""
    faces = np.stack([drawn_face(label, 0) for label in range(5)])[..., None]
    changed = augment(faces, **RECIPES["modern"].augmentation | {"erasing": 0.0})
    profile = changed[:, :, 8:40, 0].mean(axis=2)
    assert (np.diff(profile.argmax(axis=1)) > 0).all()
