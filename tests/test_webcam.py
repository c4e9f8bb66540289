"""What the kernel does for the camera panel: following, recording, answering; long runs."""

import base64
import io
import itertools
import json
import logging
import re
import threading
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest
from browsers import keep_figures, portrait_frame
from conftest import COLLINS, ROOT
from IPython.display import Image as DisplayedImage
from jupyter_client.manager import start_new_kernel
from PIL import Image
from tiny import afresh, build_tiny

from fer.expressions import EXPRESSIONS
from fer.faces.detection import detect_faces, detect_fast
from fer.faces.tracking import Track, redetect_faces, smooth_boxes, track_faces
from fer.media.pictures import to_grey
from fer.media.videos import read_frames
from fer.network.export import open_litert
from fer.network.files import save_network
from fer.notebook.errors import UserError
from fer.recognition.recogniser import COLUMNS, Recogniser
from fer.reports.timeline import plot_timeline, timeline_columns, timeline_rows
from fer.webcam.engine import engine_pieces, engine_sources
from fer.webcam.panel import CAPTURE_JS, PAGE_JS
from fer.webcam.session import SHOWN, Session


def table(*boxes: tuple[int, int, int, int], happy: float = 1.0) -> pd.DataFrame:
    rows = [(i + 1, *box, "happy", happy, 0.0, happy, 0.0, 0.0, 1 - happy) for i, box in enumerate(boxes)]
    return pd.DataFrame(rows, columns=COLUMNS)


def jpeg(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=85)
    return content.getvalue()


@pytest.fixture
def session(recogniser: Recogniser, tmp_path: Path) -> Session:
    SHOWN.clear()
    return Session(recogniser, tmp_path / "results")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list:
    """What was displayed."""
    shown = []
    for module in ("fer.webcam.session", "fer.reports.picture"):
        monkeypatch.setattr(f"{module}.display", shown.append)
    return shown


def tracked(*frames: tuple[float, tuple[tuple[int, int, int, int], ...]]) -> list[Track]:
    """Track faces over frames, given as seconds and boxes."""
    tracks, new_numbers = [], itertools.count(1)
    for seconds, boxes in frames:
        tracks = track_faces(tracks, table(*boxes), seconds, 1, new_numbers)
    return tracks


HERE, NEAR, FAR = (0, 0, 100, 100), (9, 0, 100, 100), (500, 0, 100, 100)


def test_faces_keep_their_numbers_when_they_move_and_change_order():
    first = ((0, 0, 100, 100), (300, 0, 90, 90))
    tracks = tracked((0.0, first), (0.1, first), (0.2, ((310, 5, 95, 95), (20, 8, 90, 90))))
    assert [track.face for track in tracks] == [2, 1]


def test_a_face_that_is_missed_for_a_moment_keeps_its_number_and_one_that_left_does_not():
    seen = [(0.0, (HERE,)), (0.1, (HERE,)), (0.5, ())]
    assert [face.face for face in tracked(*seen, (1.0, (NEAR,)))] == [1]
    assert [face.face for face in tracked(*seen, (9.0, (NEAR,)), (9.1, (NEAR,)))] == [2]
    assert [face.face for face in tracked(*seen, (0.6, (FAR,)), (0.7, (FAR,)))] == [2, 1]


def test_what_is_seen_in_a_single_frame_gets_no_number_and_no_row():
    """The second face is one for a moment only; the third comes later, and its first frame is not lost."""
    frames = [(HERE,), (HERE, FAR), (HERE,), (HERE, (300, 0, 90, 90)), (HERE, (300, 0, 90, 90))]
    tracks, rows, new_numbers = [], [], itertools.count(1)
    for second, boxes in enumerate(frames):
        tracks = track_faces(tracks, table(*boxes), second, 1, new_numbers)
        rows += timeline_rows(tracks[: len(boxes)])
    assert sorted(row[:3] for row in rows) == [
        (0, 1, 0),
        (1, 1, 0),
        (2, 1, 0),
        (3, 1, 0),
        (3, 2, 300),
        (4, 1, 0),
        (4, 2, 300),
    ]


def test_boxes_keep_still_with_a_face_and_go_with_it():
    """A detector's boxes of a still face jump by some pixels from frame to frame."""
    jumps = np.random.default_rng(0).integers(-4, 5, (40, 4)) * (1, 1, 1, 1)
    shown = [np.array([(100, 100, 150, 150)])]
    for jump in jumps:
        shown.append(smooth_boxes(shown[-1], shown[0] + jump))
    assert np.ptp(shown, axis=0).max() <= 4
    steps = np.abs(np.diff(shown, axis=0)).mean()
    assert steps < 0.1 * np.abs(np.diff(jumps, axis=0)).mean()
    walk = [np.array([(100 + 8 * number, 100, 150, 150), (0, 0, 40, 40)]) for number in range(20)]
    followed = walk[0]
    for boxes in walk:
        followed = smooth_boxes(followed, boxes)
    np.testing.assert_allclose(followed, walk[-1], atol=10)
    np.testing.assert_array_equal(smooth_boxes(walk[0], np.array([(400, 0, 99, 99)])), [(400, 0, 99, 99)])
    assert smooth_boxes(walk[0], np.empty((0, 4), np.int64)).shape == (0, 4)


def test_smoothing_damps_a_flicker_and_follows_a_change():
    def happy(smoothing: int, values: list[float]) -> list[float]:
        faces, shown = [], []
        for number, value in enumerate(values):
            faces = track_faces(faces, table((0, 0, 9, 9), happy=value), number / 10, smoothing, itertools.count(2))
            shown.append(faces[0].probabilities[EXPRESSIONS.index("happy")])
        return shown

    flicker = [1.0, 1.0, 0.0, 1.0]
    assert happy(1, flicker) == flicker
    assert min(happy(4, flicker)) == pytest.approx(0.6)
    assert happy(4, [1.0] + 15 * [0.0])[-1] < 0.01


def test_faces_are_found_again_where_they_went():
    grey = to_grey(np.asarray(portrait_frame()))
    former = detect_faces(grey)
    moved = np.roll(grey, (12, -20), axis=(0, 1))
    np.testing.assert_allclose(redetect_faces(moved, former)[0], former[0] + (-20, 12, 0, 0), atol=10)


def test_the_whole_is_searched_where_a_face_is_gone_or_frames_have_another_size():
    grey = to_grey(np.asarray(portrait_frame()))
    expected = detect_fast(grey)
    for former in ([], [[400, 300, 90, 90]], [[1400, 900, 90, 90]], [expected[0], expected[0] + 3]):
        np.testing.assert_array_equal(redetect_faces(grey, np.reshape(former, (-1, 4)).astype(int)), expected)


@pytest.mark.parametrize("angle", [-18, 18])
def test_a_tilted_head_is_seen(session: Session, angle: int):
    tilted = portrait_frame().rotate(angle, Image.Resampling.BICUBIC, fillcolor="gray")
    answer, _ = session.reply({"kind": "frame", "seconds": 0, "id": 1}, jpeg(tilted))
    assert len(answer["faces"]) == 1


def test_an_unreadable_frame_is_counted_and_the_next_one_is_seen(session: Session):
    content = jpeg(portrait_frame())
    for broken in (b"", b"no picture", content[:2000]):
        answer, _ = session.reply({"kind": "frame", "seconds": 0, "id": 5}, broken)
        assert (answer["kind"], answer["id"]) == ("skipped", 5)
    answer, _ = session.reply({"kind": "frame", "seconds": 1, "id": 6}, content)
    assert answer["skipped"] == 3
    assert [face["expression"] for face in answer["faces"]] == ["happy"]
    json.dumps(answer)  # the page gets it so


def test_an_error_in_recognition_is_said_and_the_view_goes_on(session: Session, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError("the network <b>broke</b>")

    content = jpeg(portrait_frame())
    with monkeypatch.context() as patch:
        patch.setattr(session.recogniser, "classify", fail)
        answer, _ = session.reply({"kind": "frame", "seconds": 0}, content)
    assert answer["kind"] == "error"
    assert "the network <b>broke</b>" in answer["text"]
    assert session.reply({"kind": "frame", "seconds": 1}, content)[0]["kind"] == "faces"


def test_frames_on_several_threads_are_all_recorded_once(session: Session):
    content = jpeg(portrait_frame())

    def send(first: int) -> None:
        for number in range(10):
            session.reply({"kind": "frame", "seconds": (first + number) / 100}, content)

    threads = [threading.Thread(target=send, args=(10 * number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row[0] for row in session.rows) == sorted((10 * i + j) / 100 for i in range(4) for j in range(10))


def portraits(count: int) -> Image.Image:
    """Zero to two heads side by side, 640×480."""
    frame = Image.new("RGB", (640, 480), "gray")
    head = Image.open(COLLINS).convert("RGB").crop((96, 0, 352, 256)).resize((320, 320))
    for number in range(count):
        frame.paste(head, (320 * number, 80))
    return frame


def test_a_face_that_joins_is_seen_within_eight_frames(session: Session):
    frames = 3 * [jpeg(portraits(1))] + 8 * [jpeg(portraits(2))]
    answers = [
        session.reply({"kind": "frame", "seconds": number / 10}, frame)[0] for number, frame in enumerate(frames)
    ]
    assert [len(answer["faces"]) for answer in answers[:3]] == [1, 1, 1]
    assert [face["face"] for face in answers[-1]["faces"]] in ([1, 2], [2, 1])


def test_the_record_holds_raw_values_and_the_overlay_smoothed_ones(session: Session, monkeypatch: pytest.MonkeyPatch):
    """The network's answer jumps from happy to sad; the overlay follows over a few frames."""
    happy, sad = np.eye(5, dtype=np.float32)[[[1], [2]]]
    shown = []
    for number, answer in enumerate((happy, happy, sad)):
        monkeypatch.setattr(session.recogniser, "classify", lambda crops, answer=answer: answer[: len(crops)])
        faces = session.reply({"kind": "frame", "seconds": number / 10}, jpeg(portraits(1)))[0]["faces"]
        shown.append((faces[0]["expression"], round(faces[0]["confidence"], 2)))
    assert shown == [("happy", 1.0), ("happy", 1.0), ("happy", 0.6)]
    session.reply({"kind": "stop"})
    record = pd.read_csv(next(session.results.glob("webcam-*.csv")))
    assert record["sad"].tolist() == [0.0, 0.0, 1.0]


def test_what_the_page_recognised_is_recorded_like_the_kernels_own_frames(session: Session, shown: list):
    rows = [[number / 10, 1, 10, 20, 90, 90, 0.1, 0.6, 0.1, 0.1, 0.1] for number in range(30)]
    assert session.reply({"kind": "record", "rows": []})[0]["kind"] == "recorded"
    session.reply({"kind": "record", "rows": rows[:20]})
    assert "30 rows" in session.reply({"kind": "stop", "rows": rows[20:]})[0]["text"]
    [path] = session.results.glob("webcam-*.csv")
    record = pd.read_csv(path)
    assert tuple(record.columns) == timeline_columns(EXPRESSIONS)
    assert record["face"].dtype == record["x"].dtype == np.int64
    np.testing.assert_allclose(record.to_numpy(), rows)
    assert len(shown) == 1
    assert "no timeline" in session.reply({"kind": "stop", "rows": []})[0]["text"]


def test_the_network_goes_to_the_page_in_small_pieces_and_is_converted_once_for_these_weights(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """Anybody's classes; the answers are those of Keras. Another network gets another file, which replaces it."""
    monkeypatch.setattr(logging.getLogger("absl"), "propagate", True)
    network = build_tiny(classes=3)
    save_network(network, tmp_path, ("yes", "no", "maybe"))
    pieces = engine_pieces(network, tmp_path)
    assert max(len(base64.b64encode(piece)) for _, piece in pieces) < 1_000_000
    assert caplog.messages == []  # the notebook would show them in red
    [kept] = tmp_path.glob("*.tflite")
    assert b"".join(piece for name, piece in pieces if name == "network") == kept.read_bytes()
    face = np.arange(48 * 48, dtype=np.uint8).reshape(1, 48, 48, 1)
    np.testing.assert_allclose(open_litert(kept)(face), network(face.astype(np.float32)), atol=1e-3)
    kept.write_bytes(b"kept")
    assert ("network", b"kept") in engine_pieces(network, tmp_path)
    save_network(afresh(lambda: build_tiny(classes=3), seed=2), tmp_path, ("yes", "no", "maybe"))
    engine_pieces(network, tmp_path)
    [other] = tmp_path.glob("*.tflite")
    assert other != kept


def test_modules_are_joined_to_a_script_without_imports_and_exports(session: Session):
    for script in (PAGE_JS, engine_sources(session)["worker"]):
        assert "function" in script
        assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


def test_the_notebook_shows_the_javascript_that_it_runs():
    cells = nbformat.read(ROOT / "via_webcam.ipynb", as_version=4).cells
    shown = [output.get("data", {}).get("text/markdown") for cell in cells for output in cell.get("outputs", ())]
    assert f"```javascript\n{CAPTURE_JS}```" in shown


def test_a_network_that_cannot_be_converted_leaves_the_kernels_view(session: Session):
    answer, _ = session.reply({"kind": "piece", "piece": 0})
    assert answer["kind"] == "error"


def rows_of_page(*numbers: int) -> list[list[float]]:
    """What the page recognised in frames of these numbers, ten a second: one happy face."""
    return [[number / 10, 1, 10, 20, 90, 90, 0.1, 0.6, 0.1, 0.1, 0.1] for number in numbers]


def test_the_record_is_on_disk_as_it_goes_and_whole_in_the_end(session: Session, monkeypatch: pytest.MonkeyPatch):
    """At most once a second; each reply names the file, so that the page can when the kernel is gone."""
    now = [10.0]
    monkeypatch.setattr("fer.webcam.session.time.monotonic", lambda: now[0])
    assert session.reply({"kind": "record", "rows": []})[0]["record"] == ""
    lengths = []
    for now[0], numbers in ((10.0, (0, 1, 3)), (10.5, (2, 4)), (11.6, (5,))):
        answer, _ = session.reply({"kind": "record", "rows": rows_of_page(*numbers)})
        lengths.append(len(pd.read_csv(answer["record"])))
    assert lengths == [3, 3, 6]
    path = Path(answer["record"])
    answer, _ = session.reply({"kind": "stop", "rows": rows_of_page(6)})
    assert answer["record"] == ""
    assert str(path) in answer["text"]
    assert pd.read_csv(path)["seconds"].tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert list(session.results.iterdir()) == [path]


def test_the_kernel_that_takes_over_gives_no_number_twice(session: Session):
    """Also where a face is seen once more that came before others."""
    session.reply({"kind": "record", "rows": [*rows_of_page(0), *([row[0], 3, *row[2:]] for row in rows_of_page(1))]})
    session.reply({"kind": "record", "rows": rows_of_page(1)})
    for number in (2, 3):
        session.reply({"kind": "frame", "seconds": number / 10}, jpeg(Image.open(COLLINS)))
    answer, _ = session.reply({"kind": "stop"})
    assert answer["kind"] == "timeline"
    assert session.timeline["face"].tolist() == [1, 1, 3, 4, 4]


def test_a_disk_that_refuses_the_record_is_told_and_nothing_is_lost(session: Session):
    session.results.write_text("a file where the folder should be")
    answer, _ = session.reply({"kind": "record", "rows": rows_of_page(0, 1)})
    assert (answer["kind"], str(session.results) in answer["text"]) == ("error", True)
    session.results.unlink()
    assert "3 rows" in session.reply({"kind": "stop", "rows": rows_of_page(2)})[0]["text"]


def test_a_page_that_was_loaded_anew_gets_back_what_was_taken(session: Session):
    """Also in a new session, as when the cell was run again."""
    session.reply({"kind": "snapshot"}, jpeg(portraits(1)))
    session.reply({"kind": "record", "rows": rows_of_page(0, 1)})
    session.reply({"kind": "stop"})
    assert session.reply({"kind": "recall", "number": 0})[0]["name"].startswith("snapshot-")
    again = Session(session.recogniser, session.results)
    (picture, shown), (timeline, _), (end, _) = [again.reply({"kind": "recall", "number": n}) for n in range(3)]
    assert "1 face" in picture["text"]
    Image.open(io.BytesIO(shown[0])).verify()
    assert "2 rows" in timeline["text"]
    assert end["kind"] == "recalled"


def test_a_snapshot_shows_somebody_far_behind_too(session: Session, one_far_behind: Image.Image):
    """The live view may miss her beside a face close to the camera; a snapshot is searched as `via_image` does."""
    assert len(detect_faces(to_grey(np.asarray(one_far_behind)))) == 1
    answer, _ = session.reply({"kind": "snapshot"}, jpeg(one_far_behind))
    assert "2 faces" in answer["text"]


def test_each_picture_is_shown_and_saved_as_its_own(session: Session, shown: list):
    for number, count in ((1, 1), (2, 0), (3, 2)):
        shown.clear()
        answer, _ = session.reply({"kind": "snapshot"}, jpeg(portraits(count)))
        [path] = session.results.glob(f"snapshot-*-{number}.csv")
        assert path.stem in answer["text"]
        assert path.with_suffix(".png").exists()
        assert len(pd.read_csv(path)) == count
        assert all(isinstance(picture, DisplayedImage) for picture in shown)
        assert shown


def test_stop_saves_and_shows_a_timeline_once_and_says_when_there_is_none(session: Session, shown: list):
    assert session.timeline.empty
    assert "no timeline" in session.reply({"kind": "stop"})[0]["text"]
    session.reply({"kind": "frame", "seconds": 0.4}, jpeg(portrait_frame()))
    assert "no timeline" in session.reply({"kind": "stop"})[0]["text"]
    for seconds in (0.5, 0.6):
        session.reply({"kind": "frame", "seconds": seconds}, jpeg(portrait_frame()))
    answer, _ = session.reply({"kind": "stop"})
    [timeline] = shown
    Image.open(io.BytesIO(timeline.data)).verify()
    [path] = session.results.iterdir()
    assert str(path) in answer["text"]
    assert pd.read_csv(path)["seconds"].tolist() == session.timeline["seconds"].tolist() == [0.5, 0.6]
    assert "no timeline" in session.reply({"kind": "stop"})[0]["text"]


def test_the_sample_can_be_played_again(session: Session):
    """Two portraits, both named, until the end; and once more."""
    for _ in range(2):
        answer, [picture] = session.reply({"kind": "next", "restart": True})
        assert Image.open(io.BytesIO(picture)).size == (640, 400)
        for _ in range(48):
            session.reply({"kind": "next"})
        assert [face["expression"] for face in answer["faces"]] == ["neutral", "happy"]
        assert session.reply({"kind": "next"})[0]["kind"] == "faces"
        assert session.reply({"kind": "next"})[0]["kind"] == "end"


def test_a_file_that_is_not_there_is_told_before_the_panel_shows(recogniser: Recogniser, tmp_path: Path):
    with pytest.raises(UserError, match=r"none\.mp4"):
        Session(recogniser, tmp_path, file="none.mp4")


def test_timeline_has_five_curves_a_face_and_breaks_where_it_was_away():
    seconds = [0.0, 0.1, 0.2, 5.0, 5.1]
    one = pd.DataFrame({"seconds": seconds, "face": 1} | dict.fromkeys(EXPRESSIONS, 0.2))
    figure = plot_timeline(pd.concat([one, one.assign(face=2)]))
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert [line.get_label() for line in axes.lines] == list(EXPRESSIONS)
        assert np.isnan(axes.lines[0].get_ydata()).sum() == 1


@pytest.mark.parametrize("name", ["none.mp4", "text.mp4", "text.jpg"])
def test_what_is_no_video_is_refused_by_name(name: str, tmp_path: Path):
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(UserError, match=name):
        read_frames(str(tmp_path / name))


def test_a_picture_is_one_frame_and_a_large_video_is_shrunk(tmp_path: Path, capsys: pytest.CaptureFixture):
    [(seconds, image)] = read_frames(str(COLLINS))
    assert (seconds, image.shape) == (0.0, (512, 512, 3))
    assert capsys.readouterr().out == ""
    with Image.open(COLLINS) as picture:
        picture.save(tmp_path / "a.gif", save_all=True, append_images=[picture.rotate(90)])
    assert len(list(read_frames(str(tmp_path / "a.gif")))) == 1
    assert capsys.readouterr().out == "a.gif has 2 pages or frames; number 1 is taken.\n"
    video = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (1280, 720))
    for _ in range(30):
        video.write(np.full((720, 1280, 3), (255, 0, 0), np.uint8))  # OpenCV's order: blue
    video.release()
    frames = list(read_frames(str(tmp_path / "a.avi"), frames_per_second=5))
    assert [round(seconds, 2) for seconds, _ in frames] == [0.0, 0.2, 0.4, 0.6, 0.8]
    assert frames[0][1].shape == (360, 640, 3)
    assert frames[0][1][..., 2].mean() > 200  # blue is last


PANEL_IN_KERNEL = """
from pathlib import Path
import fer.notebook.setup
from fer.webcam.panel import make_widget
from fer.recognition import Recogniser
from fer.webcam.session import Session
widget = make_widget(Session(Recogniser.load({models!r}), Path("results")), {{}})
print(widget.model_id)
"""


@pytest.mark.slow
def test_a_thousand_frames_leave_neither_memory_nor_messages_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A real kernel with the real widget, sent frames as JupyterLab sends them: each after the answer to the last."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        printed = []
        client.execute_interactive(
            PANEL_IN_KERNEL.format(models=str(ROOT / "models")),
            output_hook=lambda message: printed.append(message["content"].get("text", "")),
        )
        panel = "".join(printed).split()[-1]
        process = psutil.Process(manager.provisioner.pid)
        content = jpeg(portrait_frame())
        memory = {}
        for number in range(1, 1001):
            data = {"method": "custom", "content": {"kind": "frame", "seconds": number / 10, "id": number}}
            message = client.session.msg("comm_msg", {"comm_id": panel, "data": data})
            client.session.send(client.shell_channel.socket, message, buffers=[content])
            answer = next_comm_message(client)
            assert (answer["kind"], answer["id"]) == ("faces", number)
            memory[number] = process.memory_info().rss / 1e6
        keep_figures("JupyterLab, by the kernel, MB", {"after 100 frames": memory[100], "after 1,000": memory[1000]})
        assert memory[1000] - memory[100] < 50
        client.execute_interactive("1")
        assert not client.iopub_channel.msg_ready()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def next_comm_message(client: object) -> dict:
    while True:
        message = client.get_iopub_msg(timeout=30)
        if message["msg_type"] == "comm_msg" and message["content"]["data"].get("method") == "custom":
            return message["content"]["data"]["content"]
