"""How fast it is: ratios in one run, with room; the benchmark itself; the documents give what was measured."""

import json
import statistics
import time
from functools import partial

import cv2
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from face_photos import Photo
from find_faces import judge
from PIL import Image
from report import IN_README, ROWS, documents, draw, goals, programs_table
from speed import Still, large_photo, stills, stream

from fer.faces.detection import detect_faces, detect_thorough
from fer.faces.tracking import redetect_faces
from fer.media.pictures import to_grey
from fer.recognition import Recogniser

MEASURED = json.loads((ROOT / "results" / "benchmark.json").read_text())
DOCUMENT = (ROOT / "benchmarks" / "README.md").read_text()


@pytest.fixture(scope="module")
def frame(hopper: np.ndarray) -> Still:
    photo = Photo("hopper", Image.fromarray(to_grey(hopper)), np.array([[175, 75, 175, 250]]), np.array([True]))
    return stills([photo])[0]


def median(work: partial, times: int = 15) -> float:
    """Return the median of the processor's seconds for some calls, which hardly depend on what else it has to do."""
    seconds = []
    for _ in range(times):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


@pytest.mark.slow
def test_a_frame_is_searched_faster_than_at_full_size(frame: Still):
    """`fer` and many others: scale factor 1.1 over all of it, faces from 50 pixels on."""
    grey = to_grey(frame.image)
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    plain = median(partial(cascade.detectMultiScale, grey, 1.1, 5, 0, (50, 50)))
    assert 1.7 * median(partial(detect_faces, grey)) < plain
    assert 4 * median(partial(redetect_faces, grey, detect_faces(grey))) < plain


@pytest.mark.slow
def test_one_face_is_classified_faster_than_by_keras(recogniser: Recogniser):
    crop = np.zeros((1, 48, 48), np.uint8)
    assert 3 * median(partial(recogniser.classify, crop)) < median(
        partial(recogniser.network.predict, crop[..., None], verbose=0)
    )


@pytest.mark.slow
def test_twelve_megapixels_take_little_longer_than_the_default_cascade(frame: Still):
    photo = to_grey(large_photo([frame] * 6)[0])
    plain = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    assert median(partial(detect_thorough, photo), 2) < 1.5 * median(partial(plain.detectMultiScale, photo, 1.1), 2)


def test_benchmark_fits_photos_into_frames(frame: Still):
    assert frame.image.shape == (480, 640, 3)
    assert len(detect_faces(to_grey(frame.image))) == 1
    large, faces = large_photo([frame] * 6)
    assert (large.shape, len(faces)) == ((3000, 4000, 3), 36)
    assert stream(frame, 5).shape == (5, 480, 640, 3)


def test_benchmark_counts_found_missed_and_false_boxes():
    image = Image.new("L", (200, 200))
    photo = Photo("two", image, np.array([[20, 20, 40, 40], [120, 120, 40, 40]]), np.array([True, False]))
    judged = judge(lambda grey: np.array([[20, 20, 40, 40], [22, 20, 40, 40], [150, 20, 40, 40]]), [photo])
    assert (judged["faces"], judged["recall"], judged["false_boxes_a_photo"]) == (1, 1, 2)


def test_benchmark_draws_what_it_measured():
    labels = [text.get_text() for text in draw(MEASURED).axes[1].texts]
    assert labels == [f"{rate:.1f}" for rate in MEASURED["measured"]["stills"].values()]


def test_benchmark_tells_which_goals_were_met():
    measured = {**MEASURED["measured"], "stills": {"this project": 40, "fer": 10}}
    assert goals({**MEASURED, "measured": measured}).met.iloc[0]
    measured["stills"] = {"this project": 39, "fer": 10}
    assert not goals({**MEASURED, "measured": measured}).met.iloc[0]
    measured["stills"] = {"this project": 40}
    assert not goals({**MEASURED, "measured": measured}).met.iloc[0], "nothing is met beside what was not measured"


def test_benchmark_has_a_dash_for_what_it_could_not_measure():
    lacking = {key: values for key, values in MEASURED["measured"].items() if key != "accuracy"}
    assert programs_table({**MEASURED, "measured": lacking})[1][1:] == ["–"] * 4
    assert "accuracy" in MEASURED["measured"]


def test_the_documents_carry_the_benchmark():
    """`python benchmarks/benchmark.py --write` writes them anew."""
    for path, text in documents(MEASURED).items():
        assert path.read_text() == text
        rows = IN_README if path.parent == ROOT else ROWS
        assert all(f"| {ROWS[what][0]} |" in text for what in rows)


def test_the_document_carries_the_steadiness():
    measured = pd.read_csv(ROOT / "results" / "steadiness.csv").set_index("way")
    assert measured.loc["now"].change_in_points <= 2
    assert measured.loc["now"].same_label >= 0.98
    for name, way in (("one crop", "before"), ("mean of several", "now")):
        row = measured.loc[way]
        assert f"| {name} | {row.change_in_points:.1f} points | {100 * row.same_label:.1f} % |" in DOCUMENT


def test_the_document_carries_recall_and_false_boxes():
    measured = pd.read_csv(ROOT / "results" / "find_faces.csv").set_index(["pictures", "way"])
    now = measured.xs("now", level="way")
    assert now.recall["photos of people"] > 0.917
    assert now.recall["groups, faces of 24 to 47 pixels"] >= 0.85
    assert now.recall["groups, faces of 48 to 160 pixels"] >= 0.95
    are_groups = now.index.str.startswith("groups")
    assert (now.false_boxes_a_photo <= np.where(are_groups, 0.3, 0.05)).all()
    assert (now.milliseconds < 1.5 * measured.xs("plain", level="way").milliseconds)[are_groups].all()
    for pictures in now.index:
        row = measured.loc[pictures]
        recalls = np.where(row.faces > 0, (100 * row.recall).map("{:.1f} %".format), "–")
        cells = recalls + row.false_boxes_a_photo.map(", {:.2f}".format)
        order = ["now", "plain", "BlazeFace, short range", "BlazeFace, full range"]
        assert f"| {' | '.join(cells[order])} |" in DOCUMENT
