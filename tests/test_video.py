"""Videos: recognised, written so that browsers play them, and shown."""

import math
import subprocess
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import imageio_ffmpeg
import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest
from browsers import CHROMIUM, needs_chromium, portrait_frame
from conftest import COLLINS, ROOT, small_disk
from IPython.display import Video
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from tqdm import tqdm

from fer.expressions import EXPRESSIONS
from fer.media.video_writing import video_writer
from fer.media.videos import SampledVideo, open_video
from fer.notebook.errors import UserError
from fer.recognition import Recogniser
from fer.reports import video as module
from fer.reports.sources import Reporter
from fer.reports.timeline import plot_timeline, timeline_columns
from fer.reports.video import report_video

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PORTRAIT = np.asarray(portrait_frame())


def write(file: Path, frames: list[np.ndarray], per_second: float = 10) -> Path:
    writer = video_writer(file, per_second)
    for frame in frames:
        writer.send(np.ascontiguousarray(frame))
    writer.close()
    return file


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three seconds, ten frames each, in which the portrait moves by 5 pixels a frame."""
    frames = [np.roll(PORTRAIT, 5 * number, axis=1) for number in range(30)]
    return write(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


def test_a_video_becomes_timeline_table_and_video(recogniser: Recogniser, clip: Path, tmp_path: Path, capsys):
    report_video(recogniser, open_video(clip, "clip.mp4", 5), "clip.mp4", tmp_path)
    said = capsys.readouterr().out
    assert "in 15 frames" in said
    assert "<IPython.core.display.Video object>" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["annotated.mp4", "timeline.csv", "timeline.png"]
    record = pd.read_csv(tmp_path / "timeline.csv")
    assert tuple(record.columns) == timeline_columns(EXPRESSIONS)
    np.testing.assert_allclose(record["seconds"].unique(), np.arange(15) / 5)
    longest = record[record["face"] == record["face"].mode()[0]]  # the cascade may see a second one for a moment
    assert len(longest) == 15
    assert longest["x"].iloc[-1] - longest["x"].iloc[0] == pytest.approx(140, abs=12)
    assert longest["happy"].median() > 0.5
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "annotated.mp4"))
    assert (frames, seconds) == (15, pytest.approx(3, abs=0.25))
    _, first = next(open_video(tmp_path / "annotated.mp4", "", 5).frames)
    orange = np.abs(first.astype(int) - (0xE6, 0x9F, 0x00)).max(axis=2) < 40
    assert orange.sum() > 1000  # the box and its label


def test_stopping_keeps_what_was_recognised(recogniser: Recogniser, clip: Path, tmp_path: Path, capsys):
    def stopped(frames: Iterator) -> Iterator:
        yield from islice(frames, 4)
        raise KeyboardInterrupt

    opened = open_video(clip, "clip.mp4", 5)
    report_video(recogniser, opened._replace(frames=stopped(opened.frames)), "clip.mp4", tmp_path)
    assert "Stopped; what was recognised so far is kept." in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "timeline.csv")["seconds"].nunique() == 4
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "annotated.mp4"))[0] == 4


def test_a_frame_that_stands_still_is_searched_once(recogniser: Recogniser, tmp_path: Path, monkeypatch):
    searched = []
    monkeypatch.setattr(module, "detect_in_video", lambda grey: searched.append(grey) or np.zeros((0, 4), int))
    frames = [(number / 5, np.full((48, 64, 3), 9 * (number // 4), np.uint8)) for number in range(10)]
    report_video(recogniser, SampledVideo(iter(frames), 5, 10), "slow.mp4", tmp_path)
    assert len(searched) == 3
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "annotated.mp4"))[0] == 10


@pytest.mark.parametrize(("rate", "wanted"), [(0.3, 5), (25, 1)])
def test_a_face_is_followed_and_drawn_however_slow_the_frames_are(recogniser, rate, wanted, tmp_path: Path):
    file = write(tmp_path / "slow.mp4", [PORTRAIT] * math.ceil(7 * rate), rate)
    report_video(recogniser, open_video(file, "slow.mp4", wanted), "slow.mp4", tmp_path)
    record = pd.read_csv(tmp_path / "timeline.csv")
    assert record["face"].unique() == [1]
    assert record["seconds"].max() >= 6
    assert np.isfinite(plot_timeline(record).axes[0].lines[0].get_ydata()).all()


def test_stopping_before_the_first_frame_stops(recogniser: Recogniser, clip: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(module, "detect_in_video", lambda grey: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        report_video(recogniser, open_video(clip, "clip.mp4", 5), "clip.mp4", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_a_bar_all_frames_are_recognised(recogniser: Recogniser, clip: Path, tmp_path: Path, monkeypatch):
    """As where the variable TQDM_DISABLE is set."""
    monkeypatch.setattr(module, "progress", lambda items, *_, **__: tqdm(items, disable=True))
    report_video(recogniser, open_video(clip, "clip.mp4", 5), "clip.mp4", tmp_path)
    assert pd.read_csv(tmp_path / "timeline.csv")["seconds"].nunique() == 15


def test_somebody_far_behind_is_in_the_timeline_too(
    recogniser: Recogniser, one_far_behind: Image.Image, tmp_path: Path, capsys: pytest.CaptureFixture
):
    file = write(tmp_path / "two.mp4", [np.asarray(one_far_behind)] * 10)
    report_video(recogniser, open_video(file, "two.mp4", 5), "two.mp4", tmp_path)
    assert "two.mp4: 2 faces in 5 frames\n" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "timeline.csv")["face"].tolist() == [1, 2] * 5


def test_small_faces_of_a_wide_shot_are_found_before_it_is_shrunk(recogniser: Recogniser, tmp_path: Path):
    wide = Image.new("RGB", (1920, 1080), "gray")
    head = Image.open(COLLINS).convert("RGB").crop((110, 0, 310, 260)).resize((139, 180))  # a face of 70 pixels
    for number in range(6):
        wide.paste(head, (100 + 300 * number, 300))
    wide.save(tmp_path / "wide.png")
    file = tmp_path / "wide.avi"
    subprocess.run([FFMPEG, "-v", "error", "-i", tmp_path / "wide.png", "-r", "5", "-q:v", "2", file], check=True)
    report_video(recogniser, open_video(file, "wide.avi", 5), "wide.avi", tmp_path)
    places = pd.read_csv(tmp_path / "timeline.csv")["x"].sort_values()
    np.testing.assert_allclose(places, 144 + 300 * np.arange(6), atol=8)
    assert next(imageio_ffmpeg.read_frames(str(tmp_path / "annotated.mp4")))["size"] == (1280, 720)


def test_it_is_said_where_frames_are_searched_smaller_than_the_video(recogniser: Recogniser, tmp_path: Path, capsys):
    file = tmp_path / "4k.mkv"
    for size, sar, said in (
        (
            "3840x2160",
            1,
            "in 1 frame. Its frames were shrunk to 1/2.0: boxes are in pixels of these, and ",
        ),
        ("2160x3840", 1, "than 48 pixels of the video may have been missed."),
        ("1440x1080", "4/3", "in 1 frame\n"),
    ):
        shown = f"color=gray:s={size}:r=5:d=0.2,setsar={sar}"
        subprocess.run([FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", shown, "-c:v", "ffv1", file], check=True)
        report_video(recogniser, open_video(file, "4k.mkv", 5), "4k.mkv", tmp_path)
        assert said in capsys.readouterr().out


def test_a_single_grey_frame_of_odd_size(recogniser: Recogniser, tmp_path: Path, capfd, caplog):
    file = write(tmp_path / "grey.mp4", [np.full((101, 203, 3), 128, np.uint8)])
    results = tmp_path / "results"
    results.mkdir()
    report_video(recogniser, open_video(file, "grey.mp4", 5), "grey.mp4", results)
    said = capfd.readouterr()
    assert "grey.mp4: no faces in 1 frame\n" in said.out
    assert said.out.endswith(f"Saved {results}/: annotated.mp4, timeline.csv (no rows).\n")
    assert sorted(path.name for path in results.iterdir()) == ["annotated.mp4", "timeline.csv"]
    assert said.err == caplog.text == ""
    assert pd.read_csv(results / "timeline.csv").empty
    assert next(open_video(results / "annotated.mp4", "", 5).frames)[1].shape == (102, 204, 3)


@pytest.mark.parametrize("content", [b"", b"no video", bytes(5000)])
def test_what_is_no_video_is_one_sentence(content: bytes, tmp_path: Path):
    (tmp_path / "bad.mp4").write_bytes(content)
    with pytest.raises(UserError, match=r"^bad\.mp4 is neither a picture nor a video"):
        open_video(tmp_path / "bad.mp4", "bad.mp4", 5)


def test_a_video_that_is_cut_off_is_recognised_as_far_as_it_goes(recogniser: Recogniser, tmp_path: Path, capfd):
    writer = cv2.VideoWriter(str(tmp_path / "cut.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 10, (640, 480))
    for _ in range(20):
        writer.write(np.ascontiguousarray(PORTRAIT[..., ::-1]))
    writer.release()
    content = (tmp_path / "cut.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    report_video(recogniser, open_video(tmp_path / "cut.avi", "cut.avi", 5), "cut.avi", tmp_path)
    assert 4 <= pd.read_csv(tmp_path / "timeline.csv")["seconds"].nunique() <= 6
    said = capfd.readouterr()
    assert "cut.avi is damaged or cut off: 1.2 seconds of it could be read." in said.out
    assert said.err == ""


@pytest.mark.parametrize(("options", "reason"), [("size=100k", "its disk is full"), ("ro", "Read-only file system")])
def test_a_folder_that_takes_no_video_is_blamed_and_left_as_it_was(
    recogniser: Recogniser, tmp_path: Path, options: str, reason: str
):
    before = psutil.Process().children()
    noise = np.random.default_rng(0).integers(0, 256, (4, 480, 640, 3), np.uint8)
    file = write(tmp_path / "noise.mp4", list(noise))
    with small_disk(tmp_path / "small", options) as disk:
        with pytest.raises(UserError, match=rf"Nothing can be written in {disk}.*{reason}"):
            Reporter(recogniser, disk, frames_per_second=10).report(str(file))
        assert not list(disk.rglob("*.mp4"))
    assert psutil.Process().children() == before


def test_a_large_video_is_named_instead_of_shown(
    recogniser: Recogniser, clip: Path, tmp_path: Path, capsys, monkeypatch
):
    monkeypatch.setattr(module, "LARGEST_EMBEDDED", 1000)
    report_video(recogniser, open_video(clip, "clip.mp4", 1), "clip.mp4", tmp_path)
    said = capsys.readouterr().out
    assert "Video object" not in said
    assert "annotated.mp4" in said


def plays(page: Page) -> dict:
    """Play a page's first video from its start, and tell how far it came."""
    return page.evaluate(
        """async () => {
          const video = document.querySelector("video");
          video.muted = true;
          await video.play();
          const start = Date.now();
          while (video.currentTime < 0.5 && Date.now() - start < 10000) await new Promise(go => setTimeout(go, 50));
          return {ready: video.readyState, time: video.currentTime, width: video.videoWidth,
                  error: video.error && video.error.message};
        }"""
    )


def portraits(*places: tuple[int, int]) -> np.ndarray:
    """A 640×480 frame with Collins' portrait at those horizontal places, as squares of those sides."""
    frame = Image.new("RGB", (640, 480), "gray")
    for x, side in places:
        frame.paste(Image.open(COLLINS).convert("RGB").resize((side, side)), (x, 40))
    return np.asarray(frame)


def test_a_face_keeps_its_number_in_the_picture_when_another_becomes_larger(recogniser, tmp_path: Path, monkeypatch):
    frames = [portraits((0, 300), (320, 260))] * 2 + [portraits((0, 260), (320, 300))] * 2
    drawn = []

    def look(image: np.ndarray, table: pd.DataFrame) -> np.ndarray:
        drawn.append({int(face.face): face.x < 250 for face in table.itertuples() if face.width > 40})
        return image

    monkeypatch.setattr(module, "annotate", look)
    clip = SampledVideo(((number / 5, frame) for number, frame in enumerate(frames)), 5, 4)
    report_video(recogniser, clip, "two.mp4", tmp_path)
    assert drawn[1] == {1: True, 2: False}
    assert all(seen.items() >= drawn[1].items() for seen in drawn[1:])


def test_the_number_of_a_face_that_left_is_not_given_again(recogniser: Recogniser, tmp_path: Path):
    frames = [portraits((0, 300))] * 2 + [portraits()] * 3 + [portraits((300, 300))] * 2
    report_video(recogniser, SampledVideo(enumerate(frames), 1, 7), "gone.mp4", tmp_path)
    record = pd.read_csv(tmp_path / "timeline.csv")
    last = record["face"].max()
    assert record.groupby("seconds")["face"].min().to_dict() == {0: 1, 1: 1, 5: last, 6: last}
    assert record["face"].nunique() >= 2


def written(tmp_path: Path) -> str:
    """A page with a video that was written just now, shown as a notebook shows it."""
    file = write(tmp_path / "new.mp4", [np.roll(PORTRAIT, 5 * number, axis=1) for number in range(20)])
    about = next(imageio_ffmpeg.read_frames(str(file)))
    assert (about["codec"], about["pix_fmt"].partition("(")[0]) == ("h264", "yuv420p")
    return Video(file, embed=True, mimetype="video/mp4")._repr_html_()


def committed(tmp_path: Path) -> str:
    """The committed notebook as a page."""
    return HTMLExporter().from_notebook_node(nbformat.read(ROOT / "via_image.ipynb", as_version=4))[0]


@needs_chromium
@pytest.mark.parametrize("make_page", [written, committed])
def test_videos_play_in_a_browser(make_page: Callable[[Path], str], tmp_path: Path):
    (tmp_path / "page.html").write_text(make_page(tmp_path))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((tmp_path / "page.html").as_uri())
        state = plays(page)
        browser.close()
    assert state["error"] is None
    assert state["ready"] >= 2
    assert state["time"] >= 0.5
    assert state["width"] == 640


def test_timeline_and_video_are_shown_and_the_bar_knows_its_end(
    recogniser: Recogniser, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    shown = []
    monkeypatch.setattr(module, "display", shown.append)
    report_video(recogniser, open_video(clip, "clip.mp4", 5), "clip.mp4", tmp_path)
    timeline, film = shown
    assert timeline.data == (tmp_path / "timeline.png").read_bytes()
    assert film.mimetype == "video/mp4"
    assert "0/15 frames [00:00<?" in capsys.readouterr().out
