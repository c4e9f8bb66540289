"""How fast it is: ratios in one run, with room; the benchmark itself; its document gives what was measured."""

import statistics
from functools import partial

import cv2
import numpy as np
import pandas as pd
import pytest
from benchmark_dataset import seconds
from conftest import ROOT
from face_photos import Photo
from find_faces import judge
from PIL import Image
from recognise import Still, cascades_of, draw, goals, large_photo, run_all, stills, stream, summary, timed

from fer.faces.detection import crop_faces, detect_close_up, detect_faces, detect_thorough
from fer.faces.tracking import redetect_faces
from fer.media.pictures import to_grey
from fer.recognition import Recogniser

SPEED = {  # as a benchmark may measure it
    "still_ms": {
        "ours": {"p50": 8.1, "p95": 32.6, "mean": 14.0},
        "fer": {"p50": 44.8, "p95": 70.8, "mean": 46.7},
        "floor": {"p50": 6.4, "p95": 28.3, "mean": 11.6},
        "recall": {"ours": 0.85, "fer": 0.83},
    },
    "stream_ms": {
        "ours": {"p50": 5.8, "p95": 7.9, "mean": 6.1},
        "fer": {"p50": 63.7, "p95": 67.8, "mean": 62.3},
    },
    "large_ms": {"ours": {"mean": 1800.0}, "plain": {"mean": 1300.0}},
    "start_s": {"ours": 7.6, "floor": 5.9},
}
DOCUMENT = (ROOT / "benchmarks" / "README.md").read_text()


@pytest.fixture(scope="module")
def frame(hopper: np.ndarray) -> Still:
    photo = Photo("hopper", Image.fromarray(to_grey(hopper)), np.array([[175, 75, 175, 250]]), np.array([True]))
    return stills([photo])[0]


def median(work: partial) -> float:
    return statistics.median(timed(work)[0] for _ in range(15))


@pytest.mark.slow
def test_a_frame_costs_little_more_than_detector_and_network(frame: Still):
    """Measured 1.2 to 1.7 times; 2.2 leaves room for a busy machine, and is far below a search of the whole photo."""
    recogniser = Recogniser.load(ROOT / "models")
    grey = to_grey(frame.image)
    crops = crop_faces(grey, detect_faces(grey))
    assert len(crops) == 1
    assert len(detect_close_up(grey)) == 1
    floor = median(partial(run_all, cascades_of(grey))) + median(partial(recogniser.classify, crops))
    assert median(partial(recogniser.recognise, frame.image)) < 2.2 * floor


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
    photo = to_grey(large_photo([frame] * 6))
    plain = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    assert seconds(partial(detect_thorough, photo)) < 1.5 * seconds(partial(plain.detectMultiScale, photo, 1.1))


def test_benchmark_fits_photos_into_frames(frame: Still):
    assert frame.image.shape == (480, 640, 3)
    assert len(detect_faces(to_grey(frame.image))) == 1
    assert large_photo([frame] * 6).shape == (3000, 4000, 3)
    assert stream(frame, 5).shape == (5, 480, 640, 3)


def test_benchmark_counts_found_missed_and_false_boxes():
    image = Image.new("L", (200, 200))
    photo = Photo("two", image, np.array([[20, 20, 40, 40], [120, 120, 40, 40]]), np.array([True, False]))
    judged = judge(lambda grey: np.array([[20, 20, 40, 40], [22, 20, 40, 40], [150, 20, 40, 40]]), [photo])
    assert (judged["faces"], judged["recall"], judged["false_boxes_a_photo"]) == (1, 1, 2)


def test_benchmark_draws_what_it_measured():
    labels = [text.get_text() for text in draw(SPEED).axes[0].texts]
    assert "  {p50:.0f} / {p95:.0f} ms".format(**SPEED["stream_ms"]["ours"]) in labels
    assert summary([1, 2, 6]) == {"p50": 2, "p95": pytest.approx(5.6), "mean": 3}


def test_benchmark_tells_which_goals_were_met():
    assert goals(SPEED).met.all()
    slow_start = {**SPEED, "start_s": {"ours": 14.0, "floor": 10.0}}
    assert goals(slow_start).met.tolist() == [True] * 5 + [False]
    slow_still = {**SPEED["still_ms"], "ours": {"mean": SPEED["still_ms"]["fer"]["mean"] / 2.9}}
    assert not goals({**SPEED, "still_ms": slow_still}).met.iloc[0]


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
    assert now.recall["groups, faces of 48 to 160 pixels"] >= 0.92
    are_groups = now.index.str.startswith("groups")
    assert (now.false_boxes_a_photo < np.where(are_groups, 1, 0.07)).all()
    assert (now.milliseconds < 1.5 * measured.xs("plain", level="way").milliseconds)[are_groups].all()
    for pictures in now.index:
        row = measured.loc[pictures]
        recalls = np.where(row.faces > 0, (100 * row.recall).map("{:.1f} %".format), "–")
        cells = recalls + row.false_boxes_a_photo.map(", {:.2f}".format)
        order = ["now", "plain", "BlazeFace, short range", "BlazeFace, full range"]
        assert f"| {' | '.join(cells[order])} |" in DOCUMENT
