"""Faces found, framed, classified, drawn."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import ROOT
from PIL import Image

from fer.data.fer2013 import EXPRESSIONS
from fer.faces.detection import crop_faces, detect_faces
from fer.faces.views import view_boxes
from fer.media.pictures import to_grey
from fer.recognition.drawing import annotate, as_jpeg, plot_probabilities
from fer.recognition.recogniser import COLUMNS, Recogniser, compile_forward


def overlap(a: tuple, b: tuple) -> float:
    """Intersection over union of two boxes x, y, width, height."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0, width) * max(0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


# Marked by hand: from the brows to the chin, from ear to ear, in pixels of the pictures as they come.
HOPPER_FACE = (155, 110, 220, 220)
COLLINS_FACE = (175, 70, 95, 95)


def test_both_portraits_are_found(hopper: np.ndarray, collins: np.ndarray):
    for image, face in ((hopper, HOPPER_FACE), (collins, COLLINS_FACE)):
        boxes = detect_faces(to_grey(image))
        assert len(boxes) == 1
        assert overlap(boxes[0], face) > 0.6


def test_boxes_are_in_pixels_of_the_given_picture(collins: np.ndarray):
    large = cv2.resize(collins, None, fx=5, fy=5)
    boxes = detect_faces(to_grey(large))
    assert overlap(boxes[0], tuple(5 * value for value in COLLINS_FACE)) > 0.6


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (23, 23), (200, 10), (480, 640)])
def test_no_face_in_an_empty_picture(shape: tuple[int, int]):
    assert detect_faces(np.zeros(shape, np.uint8)).shape == (0, 4)


def test_crop_is_centred_on_the_box_and_a_little_larger():
    """The ring is the box; framed as in FER-2013, it touches nearly the whole crop (0.974 of its side)."""
    grey = np.zeros((300, 300), np.uint8)
    cv2.rectangle(grey, (100, 80), (199, 179), 255, 2)
    crop = crop_faces(grey, np.array([[100, 80, 100, 100]]))[0]
    assert crop.shape == (48, 48)
    assert (crop[:, :2].max(axis=0) > 40).any()
    for axis in (0, 1):
        mass = crop.sum(axis=axis, dtype=float)
        assert (mass * np.arange(48)).sum() / mass.sum() == pytest.approx(23.5, abs=0.7)
    assert crop[8:40, 8:40].max() == 0


def test_crop_beyond_the_edge_repeats_it():
    grey = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    crops = crop_faces(grey, np.array([[-20, -20, 100, 100], [150, 150, 100, 100], [0, 0, 20, 20]]))
    assert crops.shape == (3, 48, 48)
    assert crops[0][:, 0].max() == 0
    assert crops[1][:, -1].min() == 199


def test_table_is_the_contract(recogniser: Recogniser, hopper: np.ndarray, collins: np.ndarray):
    both = np.zeros((700, 1100, 3), np.uint8)
    both[:512, :512] = collins
    both[: hopper.shape[0], 520 : 520 + hopper.shape[1]] = hopper
    table = recogniser.recognise(both)
    assert tuple(table.columns) == COLUMNS
    assert len(table) >= 2  # the cascade may see a face in the seam between the two portraits, too
    assert table["face"].tolist() == list(range(1, len(table) + 1))
    assert table["width"].is_monotonic_decreasing
    boxes = list(table[["x", "y", "width", "height"]].itertuples(index=False))
    for face in ((HOPPER_FACE[0] + 520, *HOPPER_FACE[1:]), COLLINS_FACE):
        assert max(overlap(box, face) for box in boxes) > 0.5
    probabilities = table[list(EXPRESSIONS)].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (table["confidence"] == probabilities.max(axis=1)).all()
    assert table["expression"].tolist() == [EXPRESSIONS[i] for i in probabilities.argmax(axis=1)]


def test_an_answer_does_not_hang_on_a_pixel(recogniser: Recogniser, hopper: np.ndarray):
    """One crop of Grace Hopper's face is 47 % neutral, or 66 % one pixel further to the side."""
    steps = [(x, y, side) for x in (-2, 0, 2) for y in (-2, 0, 2) for side in (228, 234, 240)]
    near = [lambda _, step=step: np.array([(148 + step[0], 98 + step[1], step[2], step[2])]) for step in steps]
    tables = [recogniser.recognise(hopper, detect, steady=True) for detect in near]
    assert {table.loc[0, "expression"] for table in tables} == {"neutral"}
    assert np.ptp([table.loc[0, "neutral"] for table in tables]) < 0.1


def test_a_frame_of_a_camera_is_looked_at_once_and_a_photo_several_times(recogniser: Recogniser, hopper: np.ndarray):
    """As somebody far away in both: the box is a detector's, so only the size tells them apart."""
    box = np.array([[148, 98, 234, 234]])
    photo = np.pad(hopper, ((0, 400), (0, 400), (0, 0)))
    frame, wide, steady = (
        recogniser.recognise(image, lambda _: box, **how).loc[0, "neutral"]
        for image, how in ((hopper, {}), (photo, {}), (hopper, {"steady": True}))
    )
    assert frame == pytest.approx(recogniser.classify(crop_faces(to_grey(hopper), box))[0, 4], abs=1e-5)
    assert wide == pytest.approx(steady, abs=1e-4)
    assert abs(frame - steady) > 0.01


def test_views_lie_around_the_box_and_are_fewer_where_there_are_many_faces():
    for faces, count in ((0, 48), (1, 48), (4, 24), (10, 9), (60, 4)):
        boxes = np.tile([[100, 200, 80, 80]], (faces, 1))
        views = view_boxes(boxes)
        assert views.shape == (faces, count, 4)
        if faces:
            assert (np.abs(views - boxes[:, None]) < 0.2 * 80).all()
            np.testing.assert_allclose(views.mean(axis=(0, 1)), boxes[0], atol=5)
            assert (np.ptp(views, axis=1) > 3).all()


def test_collins_smiles(recogniser: Recogniser, collins: np.ndarray):
    assert recogniser.recognise(collins).loc[0, "expression"] == "happy"


def test_colour_order_is_rgb():
    """Rec. 601: green looks much brighter than blue."""
    green, blue = (to_grey(np.full((2, 2, 3), colour, np.uint8))[0, 0] for colour in ((0, 255, 0), (0, 0, 255)))
    assert (green, blue) == (150, 29)


def test_grey_picture_gives_the_same(recogniser: Recogniser, collins: np.ndarray):
    grey = np.asarray(to_grey(collins))
    pd.testing.assert_frame_equal(recogniser.recognise(grey), recogniser.recognise(collins))
    pd.testing.assert_frame_equal(recogniser.recognise(grey[..., None]), recogniser.recognise(collins))


def test_no_face_is_an_empty_table(recogniser: Recogniser):
    table = recogniser.recognise(np.full((300, 400, 3), 90, np.uint8))
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 0


@pytest.mark.parametrize(
    "image",
    [np.zeros((5, 5, 3)), np.zeros((5, 5, 4), np.uint8), np.zeros(5, np.uint8), np.zeros((0, 5, 3), np.uint8)],
    ids=["float", "rgba", "one dimension", "no pixel"],
)
def test_what_is_no_picture_is_refused_by_name(recogniser: Recogniser, image: np.ndarray):
    with pytest.raises(ValueError, match="expected a picture"):
        recogniser.recognise(image)


def test_use_and_training_see_the_same(recogniser: Recogniser):
    """The compiled call answers as the saved network does to the same raw pictures, in any batch size."""
    network = keras.models.model_from_json((ROOT / "models" / "fer.json").read_text())
    network.load_weights(ROOT / "models" / "fer.h5")
    crops = np.random.default_rng(0).integers(0, 256, (7, 48, 48), np.uint8)
    expected = network.predict(crops[..., None].astype("float32"), verbose=0)
    for given in (crops, crops[..., None]):
        probabilities = recogniser.classify(given)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(recogniser.classify(crops[:1]), expected[:1], atol=1e-5)
    assert recogniser.classify(crops[:0]).shape == (0, 5)
    with pytest.raises(ValueError, match="uint8"):
        recogniser.classify(crops.astype(float))


def made_table(*boxes: tuple[int, int, int, int]) -> pd.DataFrame:
    rows = [(i + 1, *box, "happy", 0.9, 0.0, 0.9, 0.1, 0.0, 0.0) for i, box in enumerate(boxes)]
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize("size", [(60, 80), (600, 800), (3000, 4000)])
def test_label_can_be_read_on_any_background(size: tuple[int, int], background: int):
    height, width = size
    image = np.full((*size, 3), background, np.uint8)
    drawn = annotate(image, made_table((width // 4, height // 4, width // 2, height // 2)))
    assert drawn.shape == image.shape
    changed = np.abs(drawn.astype(int) - background).max(axis=2) > 60
    assert changed.any()
    plate = (drawn == (0xE6, 0x9F, 0x00)).all(axis=2)  # the colour of happy, behind black letters
    rows = np.flatnonzero(plate.any(axis=1))
    assert plate.sum() > 50
    assert (drawn[rows.min() : rows.max()] == 0).all(axis=2).any()


@pytest.mark.parametrize("box", [(0, 0, 50, 50), (350, 250, 50, 50), (-20, -20, 60, 60), (0, 240, 60, 60)])
def test_label_stays_inside_the_picture(box: tuple[int, int, int, int]):
    """At an edge as much of the label's plate can be seen as in the middle."""
    image = np.full((300, 400, 3), 128, np.uint8)
    colour = (0xE6, 0x9F, 0x00)
    at_edge, in_middle = (
        (annotate(image, made_table(where)) == colour).all(axis=2).sum() for where in (box, (150, 120, *box[2:]))
    )
    assert at_edge > 0.75 * in_middle


def test_labels_of_neighbours_can_all_be_read():
    """Beside, above and close to each other; where a whole label has no room, a shorter one has."""
    image = np.full((300, 400, 3), 128, np.uint8)
    colour = (0xE6, 0x9F, 0x00)

    def plate(*boxes: tuple[int, int, int, int]) -> int:
        return (annotate(image, made_table(*boxes)) == colour).all(axis=2).sum()

    alone = plate((150, 120, 50, 50))
    for other in ((205, 120, 50, 50), (150, 180, 50, 50), (205, 140, 40, 40)):
        assert plate((150, 120, 50, 50), other) == pytest.approx(2 * alone, rel=0.05)
    row = [(20 + 60 * number, 120, 50, 50) for number in range(6)]
    assert plate(*row) > 4 * alone


def test_pictures_are_not_changed_by_drawing(collins: np.ndarray):
    before = collins.copy()
    annotate(collins, made_table((10, 10, 50, 50)))
    np.testing.assert_array_equal(before, collins)


def test_forty_faces_are_drawn_and_listed():
    boxes = [(30 + 90 * (i % 8), 30 + 90 * (i // 8), 60, 60) for i in range(40)]
    table = made_table(*boxes)
    drawn = annotate(np.full((500, 800, 3), 200, np.uint8), table)
    for x, y, width, _ in boxes:
        assert (drawn[y - 4 : y + 4, x : x + width] != 200).any()
    figure = plot_probabilities(table, np.zeros((40, 48, 48), np.uint8))
    assert len(figure.axes) == 2 * 12


def test_bars_show_all_five_probabilities():
    figure = plot_probabilities(made_table((0, 0, 9, 9)), np.zeros((1, 48, 48), np.uint8))
    bars = figure.axes[1]
    assert [label.get_text() for label in bars.get_yticklabels()] == list(EXPRESSIONS)
    assert [bar.get_width() for bar in bars.patches] == [0.0, 0.9, 0.1, 0.0, 0.0]


def test_shown_picture_is_small(tmp_path: Path):
    content = as_jpeg(np.random.default_rng(0).integers(0, 256, (2000, 3000, 3), np.uint8))
    (tmp_path / "a.jpg").write_bytes(content)
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.size == (800, 533)


def test_one_face_is_classified_as_among_many_with_xla_and_without(
    recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch
):
    def trace_without_xla(*arguments: object, **options: object) -> object:
        def fail(_: object) -> None:
            raise tf.errors.UnimplementedError(None, None, "no XLA on this system")

        return fail if options.get("jit_compile") else compile_forward(*arguments, **options)

    monkeypatch.setattr("fer.recognition.recogniser.compile_forward", trace_without_xla)
    without = Recogniser.load(ROOT / "models")
    crops = np.random.default_rng(3).integers(0, 256, (3, 48, 48), np.uint8)
    for user in (recogniser, without):
        one_by_one = np.concatenate([user.classify(crop[None]) for crop in crops])
        np.testing.assert_allclose(one_by_one, recogniser.classify(crops), atol=1e-5)


def test_a_box_has_the_colour_of_its_expression():
    drawn = annotate(np.full((300, 400, 3), 128, np.uint8), made_table((150, 100, 80, 80)), lambda _: "")
    assert (drawn[100, 150:230] == (0xE6, 0x9F, 0x00)).all()
