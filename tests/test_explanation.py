"""Sure and unsure answers, and what an answer hangs on."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from test_recognition import made_table

from fer.expressions import EXPRESSIONS, FACE_COLUMNS, classes_in
from fer.faces.detection import crop_faces, detect_faces
from fer.faces.tracking import BOX_COLUMNS
from fer.media.pictures import to_grey
from fer.recognition import Recogniser
from fer.recognition.drawing import UNCERTAIN_COLOUR, annotate, plot_probabilities
from fer.recognition.explanation import occlusion_maps, plot_explanation
from fer.recognition.picture import recognise_picture
from fer.recognition.uncertainty import CONFIDENCE_THRESHOLD, face_label, name_expression
from fer.reports import picture as picture_report
from fer.reports.picture import report_explanation
from fer.reports.tables import format_faces, save_faces


def with_probabilities(*values: float) -> pd.DataFrame:
    table = made_table((150, 100, 80, 80))
    table[list(EXPRESSIONS)] = [values]
    return table.assign(expression=EXPRESSIONS[int(np.argmax(values))], confidence=max(values))


UNCERTAIN = with_probabilities(0.1, 0.05, 0.42, 0.08, 0.35)
JUST_UNCERTAIN = with_probabilities(0.2, 0.1, 0.499, 0.101, 0.1)
CERTAIN = with_probabilities(0.2, 0.1, 0.5, 0.1, 0.1)


def test_unsure_answers_name_both_of_the_likeliest_in_words_picture_bars_and_table():
    assert name_expression(UNCERTAIN.loc[0]) == "uncertain: sad or neutral"
    assert face_label(UNCERTAIN.loc[0]) == "1 uncertain\nsad 42%, neutral 35%"
    assert format_faces(UNCERTAIN).iloc[0]["expression"] == "uncertain: sad or neutral"
    image = np.full((300, 400, 3), 90, np.uint8)
    grey = tuple(bytes.fromhex(UNCERTAIN_COLOUR[1:]))
    assert (annotate(image, UNCERTAIN) == grey).all(axis=2).sum() > 1000
    assert "uncertain" in plot_probabilities(UNCERTAIN, np.zeros((1, 48, 48), np.uint8)).axes[0].get_title()


def test_the_label_of_an_uncertain_face_fits_into_a_thumbnail():
    """Its plate ends, with a black line, inside the picture."""
    thumbnail = annotate(np.full((168, 140, 3), 90, np.uint8), UNCERTAIN.assign(x=40, y=10, width=50, height=50))
    plate = (thumbnail == tuple(bytes.fromhex(UNCERTAIN_COLOUR[1:]))).all(axis=2)
    last = np.flatnonzero(plate[70:].any(axis=0)).max()
    assert last < 139
    assert (thumbnail[70:, last + 1] == 0).all(axis=1).sum() > 10


def test_from_one_half_on_an_answer_is_sure():
    assert name_expression(CERTAIN.loc[0]) == "sad"
    assert name_expression(JUST_UNCERTAIN.loc[0]) == "uncertain: sad or angry"
    assert face_label(CERTAIN.loc[0]) == "1 sad 50%"
    image = np.full((300, 400, 3), 90, np.uint8)
    assert (annotate(image, CERTAIN) != tuple(bytes.fromhex(UNCERTAIN_COLOUR[1:]))).any(axis=2).all()
    assert "uncertain" not in plot_probabilities(CERTAIN, np.zeros((1, 48, 48), np.uint8)).axes[0].get_title()


def test_unsure_answers_are_wrong_more_often_than_right():
    """What `CONFIDENCE_THRESHOLD` says of PublicTest: the share of right answers among those below it."""
    coverage = json.loads((ROOT / "results" / "metrics.json").read_text())["PublicTest"]["coverage"]
    whole = next(row for row in coverage if row["coverage"] == 1)
    nearest = min(coverage, key=lambda row: abs(row["least_confidence"] - CONFIDENCE_THRESHOLD))
    assert abs(nearest["least_confidence"] - CONFIDENCE_THRESHOLD) < 0.1
    right_below = (whole["accuracy"] - nearest["coverage"] * nearest["accuracy"]) / (1 - nearest["coverage"])
    assert right_below < 0.5


def test_the_map_shows_where_an_answer_comes_from():
    """A classifier that looks at nothing but one corner: bright there is happy."""
    crop = np.random.default_rng(0).integers(0, 60, (48, 48)).astype(np.uint8)
    crop[30:42, 4:16] = 250

    def classify(crops: np.ndarray) -> np.ndarray:
        happy = crops[:, 30:42, 4:16].mean(axis=(1, 2)) / 255
        return np.stack([1 - happy, happy, 0 * happy, 0 * happy, 0 * happy], axis=1)

    maps = occlusion_maps(classify, crop)
    assert maps.shape == (5, 48, 48)
    for label, sign in ((1, 1), (0, -1)):
        row, column = np.unravel_index((sign * maps[label]).argmax(), (48, 48))
        assert 30 <= row < 42
        assert 4 <= column < 16
        assert sign * maps[label][36, 10] > 0.1
    assert np.abs(maps).max() < 1
    assert not maps[:, :16, 30:].any()
    assert not maps[2:].any()


def test_a_smile_is_in_the_mouth(recogniser: Recogniser, collins: np.ndarray):
    grey = to_grey(collins)
    happy = occlusion_maps(recogniser.classify, crop_faces(grey, detect_faces(grey))[0])[EXPRESSIONS.index("happy")]
    row, column = np.unravel_index(happy.argmax(), happy.shape)
    assert row > 28
    assert 8 < column < 40


def test_both_maps_are_of_one_scale_and_named():
    maps = np.zeros((5, 48, 48))
    maps[EXPRESSIONS.index("sad")] = 0.3
    maps[EXPRESSIONS.index("neutral")] = -0.1
    figure = plot_explanation(np.zeros((48, 48), np.uint8), UNCERTAIN.loc[0], maps)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["face 1", "sad 42%", "neutral 35%"]
    heats = [axes.images[1] for axes in figure.axes[1:3]]
    assert [heat.get_clim() for heat in heats] == [(-0.3, 0.3)] * 2
    assert [heat.get_array().mean() for heat in heats] == pytest.approx([0.3, -0.1])


def test_red_speaks_for_and_blue_against():
    figure = plot_explanation(np.zeros((48, 48), np.uint8), UNCERTAIN.loc[0], np.zeros((5, 48, 48)))
    for axes in figure.axes[1:3]:
        for strongest, least in ((1.0, "blue"), (0.0, "red")):
            shares = dict(zip(("red", "green", "blue"), axes.images[1].cmap(strongest), strict=False))
            assert min(shares["red"], shares["blue"]) == shares[least] < max(shares["red"], shares["blue"]) / 2
    against, none, supporting = (label.get_text() for label in figure.axes[3].get_yticklabels())
    assert (against.split()[1], none, supporting.split()[1]) == ("against", "0", "for")


def test_explained_and_saved_is_the_face_that_was_asked_for(
    recogniser: Recogniser, two_faces: np.ndarray, tmp_path: Path, monkeypatch, capsys
):
    picture, drawn, shown = recognise_picture(recogniser, two_faces, "two.png"), [], []
    monkeypatch.setattr(picture_report, "display", shown.append)
    monkeypatch.setattr(
        picture_report, "plot_explanation", lambda *given: drawn.append(given) or plot_explanation(*given)
    )
    for number, row in zip((1, 2), picture.table.iloc, strict=True):
        report_explanation(recogniser, picture, number, tmp_path / "two")
        crop, face, maps = drawn[-1]
        assert face["face"] == number
        np.testing.assert_array_equal(crop, crop_faces(to_grey(two_faces), row[BOX_COLUMNS].to_numpy(int)[None])[0])
        np.testing.assert_allclose(maps, occlusion_maps(recogniser.classify, crop), atol=1e-5)
        saved = tmp_path / f"two.why-{number}.png"
        assert saved.read_bytes() == shown[-1].data
        assert capsys.readouterr().out == f"two.png, face {number}: saved as {saved}\n"


@pytest.mark.parametrize("number", [0, 3, 99])
def test_a_face_that_is_not_there_is_one_sentence(recogniser: Recogniser, number: int, tmp_path: Path, capsys):
    """Not an error: the cells below still run."""
    grey = recognise_picture(recogniser, np.full((90, 90, 3), 90, np.uint8), "grey.png")
    report_explanation(recogniser, grey, number, tmp_path / "grey")
    assert capsys.readouterr().out == f"There is no face {number} in grey.png (faces found: 0).\n"
    assert not list(tmp_path.iterdir())


def test_tables_tell_uncertain_faces_as_the_screen_does(tmp_path: Path):
    faces = pd.concat([UNCERTAIN, JUST_UNCERTAIN, CERTAIN])
    save_faces(faces, tmp_path / "faces.csv")
    saved = pd.read_csv(tmp_path / "faces.csv")
    assert tuple(saved.columns) == (*FACE_COLUMNS, "uncertain", *EXPRESSIONS)
    assert saved["uncertain"].tolist() == [True, True, False]
    shown = format_faces(faces)["expression"]
    assert [name.startswith("uncertain") for name in shown] == saved["uncertain"].tolist()
    assert classes_in(saved) == EXPRESSIONS
    save_faces(faces.head(0), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_text().strip() == ",".join(saved.columns)
