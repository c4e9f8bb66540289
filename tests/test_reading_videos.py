"""Videos of all kinds: told by their content, each frame at its time, in its shape, and nothing else read."""

import shutil
import subprocess
import time
from contextlib import closing
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil
import pytest
from conftest import COLLINS
from PIL import Image

from fer.media import videos
from fer.media.collections import list_folder, list_uploads, open_file
from fer.media.video_writing import add_sound, video_writer
from fer.media.videos import is_video, open_video, read_frames
from fer.notebook.errors import UserError

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
# Its grey tells the time: 25 a second.
CLOCK = "nullsrc=s=64x64:r={rate}:d={seconds},format=gray,geq=lum='25*T'"
BEEP = ("-f", "lavfi", "-i", "sine=440:d=2")


def run(*arguments: object) -> None:
    subprocess.run([FFMPEG, "-y", "-v", "error", "-f", "lavfi", "-i", *map(str, arguments)], check=True)


def clock(file: Path, *options: object, rate: float = 25, seconds: float = 2, more: str = "") -> Path:
    """Write a video without loss whose grey tells the time, in frames that `more` filters."""
    run(CLOCK.format(rate=rate, seconds=seconds) + more, "-c:v", "ffv1", *options, file)
    return file


def still(file: Path, *options: object, picture: Path = COLLINS, filters: str = "null") -> Path:
    """Write a video of half a second that shows a picture."""
    shown = ("color=s=512x512:r=25:d=0.5", "-i", picture)
    run(*shown, "-filter_complex", f"[0][1]overlay,{filters}", "-pix_fmt", "yuv420p", *options, file)
    return file


def frames_of(file: Path, frames_per_second: float = 5) -> list[tuple[float, np.ndarray]]:
    return list(open_video(file, file.name, frames_per_second).frames)


def times_shown(file: Path, frames_per_second: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the times that frames are said to have, and those that their grey tells."""
    seconds, images = zip(*frames_of(file, frames_per_second), strict=True)
    return np.array(seconds), np.array([image.mean() / 25 for image in images])


@pytest.mark.parametrize(
    ("rate", "wanted", "sampled"), [(25, 5, 5), (12, 30, 12), (1, 5, 1), (1000, 10, 10), ("30000/1001", 10, 10)]
)
def test_every_rate_is_read_at_the_wanted_times(rate: float, wanted: int, sampled: float, tmp_path: Path):
    said, shown = times_shown(clock(tmp_path / "a.mkv", rate=rate, seconds=8), wanted)
    np.testing.assert_allclose(said, np.arange(len(said)) / sampled)
    assert len(said) == pytest.approx(8 * sampled, abs=1)
    np.testing.assert_allclose(shown, said, atol=0.09)
    assert (shown <= said + 0.01).all()  # none is shown before its time


def test_a_variable_rate_shifts_nothing(tmp_path: Path):
    """Thirty frames a second, then one, as phones in dim light and browsers write them."""
    slow = ",select='lt(t,2)+not(mod(n,30))'"
    file = clock(tmp_path / "a.mkv", "-fps_mode", "vfr", rate=30, seconds=5, more=slow)
    said, shown = times_shown(file, 5)
    np.testing.assert_allclose(shown, np.where(said < 2, said, np.floor(said)), atol=0.08)


def test_a_picture_that_begins_after_the_sound_is_not_early(tmp_path: Path):
    for name in ("late.mkv", "late.ts"):
        run(
            CLOCK.format(rate=25, seconds=2), *BEEP, "-vf", "setpts=PTS+1/TB", "-q:v", 1,
            "-c:v", "mpeg2video", "-fps_mode", "passthrough", tmp_path / name,
        )  # fmt: skip
        said, shown = times_shown(tmp_path / name, 5)
        assert len(said) == pytest.approx(15, abs=1)
        np.testing.assert_allclose(shown[5:15], said[5:15] - 1, atol=0.2)


def test_pixels_become_square_and_the_picture_upright(tmp_path: Path):
    wide = still(tmp_path / "wide.mp4", filters="scale=256:512,setsar=2")
    sideways = still(tmp_path / "sideways.mp4", filters="scale=512:256,setsar=1,transpose=clock")
    subprocess.run(
        [FFMPEG, "-v", "error", "-display_rotation", "90", "-i", sideways, "-c", "copy", tmp_path / "turned.mp4"],
        check=True,
    )
    collins = Image.open(COLLINS).convert("RGB")
    for file, expected in ((wide, collins), (tmp_path / "turned.mp4", collins.resize((512, 256)))):
        _, image = frames_of(file)[0]
        assert np.abs(image.astype(float) - np.asarray(expected)).mean() < 8


def test_of_several_video_tracks_the_first_is_taken_and_said_but_a_cover_is_none(tmp_path: Path, capsys):
    cover = ("-i", COLLINS, "-map", "1", "-map", "0", "-c:v:0", "mjpeg", "-disposition:v:0", "attached_pic")
    run("color=s=64x64:d=1", *cover, tmp_path / "cover.mp4")
    run("color=s=64x64:d=1", "-f", "lavfi", "-i", "color=white:s=32x32:d=1", "-map", 0, "-map", 1, tmp_path / "two.mkv")
    for name, said in (("cover.mp4", ""), ("two.mkv", "two.mkv has 2 video tracks; the first is taken.\n")):
        assert frames_of(tmp_path / name)[0][1].shape == (64, 64, 3)
        assert capsys.readouterr().out == said


def test_an_interlaced_video_shows_neither_another_nor_combs(tmp_path: Path):
    """OpenCV says that it has read such a frame, and gives the memory of the video before."""
    moving = "nullsrc=s=320x240:r=50:d=1,format=gray,geq=lum='if(lt(mod(X-8*N,320),40),235,60)'"
    interlaced = ("-vf", "tinterlace=interleave_top,setfield=tff", "-flags", "+ilme+ildct", "-x264opts", "tff=1")
    run(moving, *interlaced, "-pix_fmt", "yuv420p", tmp_path / "combs.mp4")
    frames_of(still(tmp_path / "other.mp4"))
    for _, image in frames_of(tmp_path / "combs.mp4"):
        grey = image[..., 0].astype(int)
        assert 60 < grey.mean() < 110
        assert np.abs(grey[60:180:2] - grey[61:181:2]).mean() < 4


def test_a_video_that_changes_its_size_keeps_its_shape(tmp_path: Path):
    """As broadcasts do, and phones that are turned while a browser records."""
    for size, start in (("64x48", 0), ("48x64", 1)):
        run(f"color=white:s={size}:r=25:d=1", "-f", "mpegts", "-output_ts_offset", start, tmp_path / f"{size}.ts")
    file = tmp_path / "both.ts"
    file.write_bytes((tmp_path / "64x48.ts").read_bytes() + (tmp_path / "48x64.ts").read_bytes())
    images = [image for _, image in frames_of(file)]
    assert {image.shape for image in images} == {(48, 64, 3)}
    white = [(image > 200).all(axis=(0, 2)).sum() for image in images]  # columns; bars beside what is upright
    assert white[0] == 64
    assert white[-1] == 36
    assert len(images) == pytest.approx(10, abs=3)


KINDS = {
    "mts": ("-f", "mpegts"),
    "m2ts": ("-f", "mpegts", "-mpegts_m2ts_mode", 1),
    "vob": (),
    "mpg": (),
    "3gp": ("-c:v", "libx264"),
    "m4v": (),
    "mov": ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"),  # of 10 bits, as of new phones
    "mkv": (),
    "webm": ("-deadline", "realtime"),
    "flv": (),
    "wmv": (),
    "avi": (),
    "ogv": (),
    "mxf": ("-c:v", "mpeg2video"),
}


@pytest.mark.parametrize("ending", KINDS)
def test_every_container_is_told_by_its_content_and_read(ending: str, tmp_path: Path):
    file = tmp_path / f"a.{ending}"
    run("testsrc=s=256x192:r=25:d=0.5", "-pix_fmt", "yuv420p", *KINDS[ending], file)
    bare = file.rename(tmp_path / "bare")
    assert is_video(open_file(bare, "bare"))
    assert len(frames_of(bare, 10)) in (5, 6)
    if "ts" in ending:  # a recorder begins anywhere
        assert is_video(list_uploads([("bare", bare.read_bytes()[100:])])[0])


def test_what_is_no_video_is_not_taken_for_one(tmp_path: Path):
    content = {"a.mp4": COLLINS.read_bytes(), "notes": b"Get free stuff. ", "zeros": bytes(5000), "empty.mp4": b""}
    content |= {"a.heic": b"\0\0\0\x18ftypheic", "a.cr3": b"\0\0\0\x18ftypcrx ", "a.m4a": b"\0\0\0\x18ftypM4A "}
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    assert not [file.name for file in list_folder(tmp_path) if is_video(file)]
    run("sine=d=1", tmp_path / "talk.mp4")
    with pytest.raises(UserError, match="sound without a picture"):
        open_video(tmp_path / "talk.mp4", "talk.mp4", 5)


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n",
    "a.ts": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nsecret.ts\n#EXT-X-ENDLIST\n",
    "a.mp4": "ffconcat version 1.0\nfile secret.ts\n",
    "a.txt": "an picture of letters",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_opens_no_other_file(name: str, tmp_path: Path):
    run("testsrc=s=64x64:d=0.2", "-f", "mpegts", tmp_path / "secret.ts")
    (tmp_path / name).write_text(PLAYLISTS[name])
    with pytest.raises(UserError, match="neither a picture nor a video"):
        open_video(tmp_path / name, name, 5)


@pytest.mark.parametrize("name", ["-y.mp4", "concat:a|a", "a%03d.mp4", "http:a.mp4", "; touch b;.mp4", "祖\n母"])
def test_a_name_is_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    run("testsrc=s=64x64:r=5:d=0.6", "-f", "mp4", "a")
    shutil.move("a", tmp_path / name)
    assert len(list(read_frames(name))) == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_large_frames_are_searched_large_and_written_smaller(tmp_path: Path):
    file = tmp_path / "a.mp4"
    run("testsrc=s=2560x1440:r=5:d=0.4", "-pix_fmt", "yuv420p", "-preset", "ultrafast", file)
    [(_, frame), *_] = frames_of(file)
    assert frame.shape == (1080, 1920, 3)
    [(_, live), *_] = read_frames(str(file))
    assert live.shape == (360, 640, 3)
    with closing(video_writer(tmp_path / "b.mp4", 5)) as writer:
        writer.send(frame)
    assert frames_of(tmp_path / "b.mp4")[0][1].shape == (720, 1280, 3)


def test_its_sound_is_kept_as_long_as_the_picture(tmp_path: Path):
    run("testsrc=s=64x64:r=5:d=2", *BEEP, "-af", "adelay=800", tmp_path / "loud.mkv")
    with closing(video_writer(tmp_path / "silent.mp4", 5)) as writer:
        for _ in range(6):
            writer.send(np.zeros((64, 64, 3), np.uint8))
    add_sound(tmp_path / "silent.mp4", tmp_path / "loud.mkv", 1.2, tmp_path / "new.mp4")
    raw = [FFMPEG, "-v", "error", "-i", tmp_path / "new.mp4", "-f", "s16le", "-ac", "1", "-ar", "8000", "-"]
    sound = np.frombuffer(subprocess.check_output(raw), np.int16).astype(float)
    assert len(sound) / 8000 == pytest.approx(1.2, abs=0.1)
    assert np.flatnonzero(np.abs(sound) > 500)[0] / 8000 == pytest.approx(0.8, abs=0.08)
    assert len(frames_of(tmp_path / "new.mp4")) == 6


@pytest.mark.parametrize("ending", ["mkv", "mpg", "avi", "flv"])
def test_of_a_video_that_is_cut_off_what_is_there_is_read_then_it_is_said(ending: str, tmp_path: Path):
    run("testsrc2=s=320x240:r=25:d=4", "-pix_fmt", "yuv420p", tmp_path / f"a.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    frames = open_video(tmp_path / "cut", "cut", 5).frames
    seconds = []
    with pytest.raises(UserError, match=r"^cut is damaged or cut off: \d\.\d seconds of it could be read\.$"):
        for second, _ in frames:
            seconds.append(second)
    assert 1 < max(seconds) < 2.6


def test_a_program_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(tmp_path / "ffmpeg"))
    monkeypatch.setattr(videos, "LONGEST_WAIT", 0.2)
    start, before = time.monotonic(), psutil.Process().children()
    with pytest.raises(UserError, match="neither a picture nor a video"):
        open_video(tmp_path / "ffmpeg", "a.mp4", 5)
    assert time.monotonic() - start < 5
    assert psutil.Process().children() == before


def test_whoever_stops_leaves_no_process_behind_and_a_whole_video(tmp_path: Path):
    before = psutil.Process().children()
    file = clock(tmp_path / "a.mkv", seconds=20)
    frames = open_video(file, "a.mkv", 25).frames
    next(frames)
    assert len(psutil.Process().children()) == len(before) + 1
    with pytest.raises(KeyboardInterrupt):
        frames.throw(KeyboardInterrupt)
    writer = video_writer(tmp_path / "b.mp4", 5)
    for _ in range(5):
        writer.send(np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(KeyboardInterrupt):
        writer.throw(KeyboardInterrupt)
    assert psutil.Process().children() == before
    assert len(frames_of(tmp_path / "b.mp4")) == 5
