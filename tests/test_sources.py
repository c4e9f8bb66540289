"""Whatever is typed or uploaded: told by what it is, reported, and never written over something else."""

import datetime
import errno
import io
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import COLLINS, HOPPER, png, small_disk
from PIL import Image
from test_fetching import server  # noqa: F401 - a fixture
from test_video import clip  # noqa: F401 - a fixture

from fer.expressions import EXPRESSIONS
from fer.faces.detection import crop_faces
from fer.faces.tracking import BOX_COLUMNS
from fer.media import collections
from fer.media.collections import PictureFile
from fer.media.pictures import to_grey
from fer.media.samples import write_sample_video
from fer.notebook import uploads
from fer.notebook.errors import UserError
from fer.notebook.paths import result_path, sha256_hex
from fer.notebook.uploads import ask_for_files
from fer.recognition import Recogniser
from fer.recognition.drawing import annotate, as_jpeg, plot_picture_and_probabilities, plot_probabilities, render_figure
from fer.reports import picture as picture_report
from fer.reports import sources, tables
from fer.reports.sources import Reporter
from fer.reports.tables import format_faces

NAMES = (
    "<script>alert(1)</script>.jpg",
    'it\'s "quoted".jpg',
    "two  spaces.jpg",
    "👩‍🚀.jpg",
    "祖母.jpg",
    "../../up.jpg",
)


@pytest.fixture
def reporter(recogniser: Recogniser, tmp_path: Path) -> Reporter:
    return Reporter(recogniser, tmp_path / "results")


def made(reporter: Reporter) -> list[str]:
    return sorted(
        path.relative_to(reporter.results).as_posix() for path in reporter.results.rglob("*") if path.is_file()
    )


def zipped(*paths: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    return content.getvalue()


ALBUM = {"faces.csv", "problems.csv", "contact-sheet-1.jpg", "expressions.png", ".finished.jsonl", ".fingerprint"}


def test_a_typed_path_is_told_by_what_it_is(reporter: Reporter, clip: Path, tmp_path: Path, capsys):  # noqa: F811
    album = tmp_path / "my album"
    album.mkdir()
    (album / "a.png").write_bytes(COLLINS.read_bytes())
    packed = tmp_path / "packed.cbz"  # a zip by another name
    packed.write_bytes(zipped(HOPPER))
    reporter.report(f' "{HOPPER}" ')
    assert [picture.name for picture in reporter.pictures.values()] == ["grace_hopper.jpg"]
    with tarfile.open(tmp_path / "around.tar.gz", "w:gz") as file:
        file.add(packed, "inner.zip")
    for path in (album, packed, clip, tmp_path / "around.tar.gz"):
        reporter.report(str(path))
    found = made(reporter)
    assert {"grace_hopper.csv", "grace_hopper.png"} <= set(found)
    assert {f"{folder}/{name}" for folder in ("my_album", "packed", "around_tar") for name in ALBUM} <= set(found)
    assert {"clip/annotated.mp4", "clip/timeline.csv", "clip/timeline.png"} <= set(found)
    assert "Stopped" not in capsys.readouterr().out


def test_an_address_is_fetched(reporter: Reporter, server: str):  # noqa: F811
    reporter.report(f"{server}/nasa/collins.png")
    assert made(reporter) == ["collins.csv", "collins.png"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nowhere.jpg", "no file or folder nowhere"),
        ("ftp://a/b.jpg", "neither a path"),
        ("file:///etc/hosts", "neither a path"),
    ],
)
def test_what_leads_nowhere_is_one_sentence(reporter: Reporter, source: str, said: str):
    with pytest.raises(UserError, match=said):
        reporter.report(source)


def test_a_picture_that_only_ends_as_a_zip_is_a_picture(reporter: Reporter):
    """As some cameras and jokers make them: `zipfile.is_zipfile` would say yes."""
    content = COLLINS.read_bytes() + zipped(HOPPER)
    assert zipfile.is_zipfile(io.BytesIO(content))
    reporter.report_uploads([("both.png", content)])
    assert made(reporter) == ["both.csv", "both.png"]


def test_uploads_of_every_kind_at_once(reporter: Reporter, clip: Path, capsys):  # noqa: F811
    files = [("bad.zip", b"PK\3\4 is all"), ("me.png", COLLINS.read_bytes()), ("bad.mp4", b"no video")]
    files += [("more.zip", zipped(HOPPER)), ("clip.mp4", clip.read_bytes())]
    reporter.report_uploads(files)
    said = capsys.readouterr().out
    assert "bad.zip is a damaged zip" in said
    assert "bad.mp4 is neither a picture nor a video" in said
    assert "upload." not in said
    assert {"me.csv", "more/faces.csv", "clip/annotated.mp4"} <= set(made(reporter))


def test_a_dozen_uploads_are_shown_one_by_one_then_their_table(reporter: Reporter, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(sources, "show_faces", lambda faces, *_: shown.append(format_faces(faces)))
    hopper, collins = ("me.jpg", HOPPER.read_bytes()), ("me.jpg", COLLINS.read_bytes())  # both of one name
    reporter.report_uploads([hopper, ("notes.jpg", b"text"), collins])
    assert "notes.jpg is not a picture that can be read here" in capsys.readouterr().out
    assert made(reporter) == ["me-2.csv", "me-2.png", "me.csv", "me.png"]
    [table] = shown
    assert table[["file", "face"]].to_numpy().tolist() == [["me.jpg", 1], ["me.jpg", 1]]
    assert table["happy"].tolist() == [f"{picture.table.loc[0, 'happy']:.0%}" for picture in reporter.pictures.values()]
    assert list(table.columns) == ["file", "face", "expression", "confidence", *EXPRESSIONS, *BOX_COLUMNS]


def test_more_than_a_dozen_uploads_make_one_report_and_another_set_another(reporter: Reporter, monkeypatch, capsys):
    monkeypatch.setattr(sources, "MOST_SHOWN", 2)
    hopper, collins = ("a.jpg", HOPPER.read_bytes()), ("b.png", COLLINS.read_bytes())
    reporter.report_uploads([hopper, collins, ("notes.jpg", b"text"), ("me.xmp", b"<x:xmpmeta>")])  # not the sidecar
    assert "uploads, 3 files: 2 with faces, 0 without, 1 unreadable; 2 faces" in capsys.readouterr().out
    reporter.report_uploads([hopper, collins, ("notes.jpg", b"text")])
    assert "2 of 3 are known from before" in capsys.readouterr().out
    reporter.report_uploads([hopper, hopper, hopper])
    assert len(pd.read_csv(reporter.results / "uploads" / "faces.csv")) == 2
    assert len(pd.read_csv(reporter.results / "uploads-2" / "faces.csv")) == 3


def test_two_uploads_of_one_name_are_both_kept_and_the_same_once(reporter: Reporter):
    for path in (HOPPER, COLLINS, HOPPER, COLLINS):
        reporter.report_uploads([("me.jpg", path.read_bytes())])
    assert made(reporter) == ["me-2.csv", "me-2.png", "me.csv", "me.png"]
    assert pd.read_csv(reporter.results / "me.csv").loc[0, "expression"] == "neutral"
    assert pd.read_csv(reporter.results / "me-2.csv").loc[0, "expression"] == "happy"


def test_folders_of_one_name_and_files_of_the_user_s_own_are_kept(reporter: Reporter, tmp_path: Path):
    for parent in ("one", "two"):
        (tmp_path / parent / "photos").mkdir(parents=True)
        (tmp_path / parent / "photos" / f"{parent}.jpg").write_bytes(HOPPER.read_bytes())
        reporter.report(str(tmp_path / parent / "photos"))
    for folder, name in (("photos", "one.jpg"), ("photos-2", "two.jpg")):
        assert pd.read_csv(reporter.results / folder / "faces.csv")["file"].tolist() == [name]
    Image.new("L", (9, 9)).save(reporter.results / "mine.png")
    (reporter.results / "table.csv").write_text("mine")
    (reporter.results / "broken.png").write_text("mine")
    for name in ("mine", "table", "broken"):
        assert result_path(reporter.results, f"{name}.jpg", sha256_hex(b"")) == reporter.results / f"{name}-2"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_uploads_lead_nowhere_else(reporter: Reporter, name: str, tmp_path: Path, capsys):
    before = set(tmp_path.rglob("*"))
    reporter.report_uploads([(name, HOPPER.read_bytes())])
    made = set(tmp_path.rglob("*")) - before - {reporter.results}
    assert {path.parent for path in made} == {reporter.results}
    assert {path.suffix for path in made} == {".png", ".csv"}
    assert f"{name}: 1 face" in capsys.readouterr().out


def picture_of(*faces: tuple[int, int, int], size: tuple[int, int] = (900, 700)) -> bytes:
    """Paste Collins' face, cut from ear to ear, as squares of that side at those places on grey."""
    canvas = Image.new("RGB", size, "gray")
    face = Image.open(COLLINS).convert("RGB").crop((150, 30, 300, 180))
    for x, y, side in faces:
        canvas.paste(face.resize((side, side)), (x, y))
    content = io.BytesIO()
    canvas.save(content, "PNG")
    return content.getvalue()


def test_forty_faces_are_each_in_the_table(reporter: Reporter):
    reporter.report_uploads(
        [("forty.png", picture_of(*((10 + 110 * (i % 8), 20 + 130 * (i // 8), 100) for i in range(40))))]
    )
    table = pd.read_csv(reporter.results / "forty.csv")
    assert len(table) >= 38  # the detector's recall is tested elsewhere
    assert table["face"].tolist() == list(range(1, len(table) + 1))


def test_faces_hardly_large_enough_are_said(reporter: Reporter, capsys):
    pictures = [(f"{side}.png", picture_of((400, 300, side))) for side in (40, 160)]
    reporter.report_uploads(pictures)
    lines = capsys.readouterr().out.splitlines()
    of_small, of_large = (next(line for line in lines if line.startswith(f"{side}.png:")) for side in (40, 160))
    assert "faces of less than 24 pixels may have been missed." in of_small
    assert "missed" not in of_large


def test_a_face_at_the_very_edge(reporter: Reporter):
    reporter.report_uploads([("edge.png", picture_of((0, 0, 100), (800, 600, 100)))])
    table = list(reporter.pictures.values())[-1].table
    assert len(table) >= 1
    inside = (table[["x", "y"]] >= -60).all(axis=1) & (table["x"] < 900) & (table["y"] < 700)
    assert inside.all()


def test_a_face_of_twenty_pixels_and_a_picture_without_any(reporter: Reporter, capsys):
    reporter.report_uploads([("tiny.png", picture_of((400, 300, 20)))])
    reporter.report_uploads([("dot.png", picture_of(size=(1, 1)))])
    reporter.report_uploads([("none.png", picture_of())])
    said = capsys.readouterr().out
    for name in ("dot", "none"):
        saved = f"no faces, saved as {reporter.results / name}.png and .csv. No face was found: the detector"
        assert f"{name}.png: {saved} looks for upright faces" in said
        assert pd.read_csv(reporter.results / f"{name}.csv").empty
    assert "tiny.png: " in said
    assert np.asarray(Image.open(reporter.results / "tiny.png")).shape == (700, 900, 3)


def test_an_unreadable_upload_is_one_sentence(reporter: Reporter, capsys):
    reporter.report_uploads([("page.png", b"<!DOCTYPE html>")])
    assert capsys.readouterr().out.startswith("⚠ page.png is a web page")
    assert reporter.pictures == {}


def test_colab_s_dialogue_hands_everything_over(
    reporter: Reporter, fake_colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(uploads, "has_colab_frontend", lambda: True)
    monkeypatch.setenv("FAKE_UPLOADS", f"{HOPPER} {COLLINS}")
    ask_for_files(reporter.report_uploads, field="SOURCE")
    assert len(reporter.pictures) == 2
    assert reporter.has_own_files
    assert "No file of your own" not in capsys.readouterr().out


def test_whoever_cancels_colab_s_dialogue_gets_the_samples(
    reporter: Reporter, fake_colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(uploads, "has_colab_frontend", lambda: True)
    monkeypatch.setenv("FAKE_UPLOADS", "")
    ask_for_files(reporter.report_uploads, field="SOURCE")
    assert capsys.readouterr().out.startswith("No file of your own so far, so here are two portraits")
    assert [picture.name for picture in reporter.pictures.values()] == ["grace_hopper.jpg", "astronaut.png"]
    assert not reporter.has_own_files


def test_stopping_the_upload_is_one_line(
    reporter: Reporter, fake_colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    def stop() -> None:
        raise KeyboardInterrupt

    from google.colab import files

    monkeypatch.setattr(uploads, "has_colab_frontend", lambda: True)
    monkeypatch.setattr(files, "upload", stop)
    ask_for_files(reporter.report_uploads, field="SOURCE")
    assert capsys.readouterr().out == "Stopped. Run this cell again to go on.\n"
    assert reporter.pictures == {}


def test_jupyter_s_button_hands_everything_over(reporter: Reporter, monkeypatch: pytest.MonkeyPatch):
    shown = []
    monkeypatch.setattr(uploads, "display_widget", lambda *arguments: shown.extend(arguments))
    monkeypatch.setattr(uploads, "bind_output_to_cell", lambda: lambda: None)  # there is no cell here
    monkeypatch.setattr(uploads, "is_interactive", lambda: True)
    ask_for_files(reporter.report_uploads, field="SOURCE")
    button, instead = shown
    assert "type its path into SOURCE" in instead
    assert [picture.name for picture in reporter.pictures.values()] == ["grace_hopper.jpg", "astronaut.png"]  # at once
    assert button.accept == "image/*,video/*,.zip"
    about = {"type": "", "size": 1, "last_modified": datetime.datetime.now(datetime.UTC)}
    files = [("me.zip", zipped(HOPPER)), ("me.jpg", HOPPER.read_bytes()), ("empty.jpg", b"")]
    button.value = tuple({"name": name, "content": memoryview(content), **about} for name, content in files)
    assert {"me/faces.csv", "me-2.csv"} <= set(made(reporter))
    assert [picture.name for picture in reporter.pictures.values()] == ["me.jpg"]
    assert shown[2:] == [button, instead]  # again, above the new results


def test_what_is_shown_and_saved_has_the_boxes(recogniser: Recogniser, two_faces: np.ndarray, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(picture_report, "display", lambda what: shown.append(what.data))
    table = picture_report.report_picture(recogniser, "two.png", png(two_faces), tmp_path)[1].table
    expected = annotate(two_faces, table)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "two.png")), expected)
    crops = crop_faces(to_grey(two_faces), table[BOX_COLUMNS].to_numpy())
    assert shown == [render_figure(plot_picture_and_probabilities(expected, table, crops), "jpeg")]


def test_a_group_has_its_bars_below(recogniser: Recogniser, tmp_path: Path, monkeypatch):
    shown = []
    monkeypatch.setattr(picture_report, "display", lambda what: shown.append((what.format, what.data)))
    group = picture_of(*((100 + 160 * number, 300, 130) for number in range(4)))
    _, picture = picture_report.report_picture(recogniser, "four.png", group, tmp_path)
    assert len(picture.table) == 4
    bars = render_figure(plot_probabilities(picture.table, picture.crops))
    assert shown == [("jpeg", as_jpeg(picture.annotated)), ("png", bars)]


def test_the_table_of_a_picture_is_shown(reporter: Reporter, monkeypatch: pytest.MonkeyPatch):
    shown = []
    monkeypatch.setattr(tables, "display", lambda data, raw: shown.append(data))
    reporter.report(str(HOPPER))
    named = list(reporter.pictures.values())[-1].table.assign(file="grace_hopper.jpg")
    assert shown[0]["text/plain"] == format_faces(named).to_string(index=False)
    row, first = re.findall(r"<tr.*?</tr>", shown[0]["text/html"], re.DOTALL)  # no row for the name of an index
    assert row.count("<th>") == first.count("<td>") == len(format_faces(named).columns)


def test_small_photos_are_searched_thoroughly_too(reporter: Reporter, one_far_behind: Image.Image, monkeypatch):
    content = png(np.asarray(one_far_behind))
    assert len(reporter.recogniser.recognise(np.asarray(one_far_behind))) == 1  # as a frame of a camera
    reporter.report_uploads([("two.png", content)])
    assert len(list(reporter.pictures.values())[-1].table) == 2
    reporter.report_uploads([("one.png", content), ("other.png", content)])
    assert [len(picture.table) for picture in reporter.pictures.values()] == [2, 2]
    monkeypatch.setattr(sources, "MOST_SHOWN", 0)
    reporter.report_uploads([("one.png", content)])
    assert len(pd.read_csv(next(reporter.results.rglob("faces.csv")))) == 2


def test_videos_are_sampled_at_the_chosen_rate(recogniser: Recogniser, clip: Path, tmp_path: Path):  # noqa: F811
    Reporter(recogniser, tmp_path, frames_per_second=2).report(str(clip))
    assert pd.read_csv(tmp_path / "clip" / "timeline.csv")["seconds"].nunique() == 6


def test_videos_among_pictures_have_reports_of_their_own(recogniser: Recogniser, clip: Path, tmp_path: Path, capsys):  # noqa: F811
    """In a folder and in a zip, told by what they are, also without an ending; a broken one stops nothing."""
    album = tmp_path / "album"
    (album / "b").mkdir(parents=True)
    for name, content in (
        ("a.png", COLLINS.read_bytes()),
        ("b/film", clip.read_bytes()),
        ("bad", clip.read_bytes()[:99]),
    ):
        (album / name).write_bytes(content)
    packed = zipped(album / "b" / "film")
    (tmp_path / "packed.zip").write_bytes(packed)
    (tmp_path / "broken.zip").write_bytes(packed.replace(clip.read_bytes()[2000:2010], bytes(10)))
    reporter = Reporter(recogniser, tmp_path / "results", frames_per_second=0.5)
    for source in ("album", "packed.zip", "broken.zip"):
        reporter.report(str(tmp_path / source))
    assert {"album/faces.csv", "film/annotated.mp4", "film-2/annotated.mp4"} <= set(made(reporter))
    said = capsys.readouterr().out
    assert said.count("b/film: ") == 1
    assert "album, 1 file: 1 with faces, 0 without, 0 unreadable; 1 face" in said
    assert "film cannot be read (BadZipFile: Bad CRC-32" in said
    assert "bad is neither a picture nor a video that can be read here" in said


def test_a_picture_of_gigabytes_is_not_read(reporter: Reporter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collections, "LARGEST_FILE", 1000)
    with pytest.raises(UserError, match=r"grace_hopper\.jpg has .* the limit"):
        reporter.report(str(HOPPER))


def test_a_file_that_may_not_be_read_is_one_sentence(reporter: Reporter, monkeypatch: pytest.MonkeyPatch):
    def refuse(_: PictureFile) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fer.media.archives.first_bytes", refuse)
    with pytest.raises(UserError, match=r"^grace_hopper\.jpg cannot be read \(Permission denied\)"):
        reporter.report(str(HOPPER))


def test_an_address_in_capitals_is_fetched(reporter: Reporter, server: str):  # noqa: F811
    reporter.report(f"HTTP{server.removeprefix('http')}/nasa/collins.png")
    assert [picture.name for picture in reporter.pictures.values()] == ["collins.png"]


def test_only_faces_in_single_photos_are_explained(reporter: Reporter, tmp_path: Path, capsys):
    for given in ([("album.zip", zipped(HOPPER))], [("none.png", picture_of())], [("broken.jpg", b"text")]):
        reporter.report_uploads(given)
        capsys.readouterr()
        reporter.explain(1)
        assert capsys.readouterr().out.startswith("Only faces in single photos are explained: bring up to twelve")
    reporter.report_uploads([("none.png", picture_of()), ("me.jpg", HOPPER.read_bytes())])
    reporter.explain(1)
    assert "me.why-1.png" in made(reporter)


def test_samples_are_for_those_who_brought_nothing(reporter: Reporter, capsys):
    def write(path: Path) -> Path:
        path.parent.mkdir(parents=True)
        path.write_bytes(zipped(HOPPER))
        return path

    reporter.report_uploads([])
    reporter.report_sample("portrait.zip", write)
    assert "samples/portrait/faces.csv" in made(reporter)
    reporter.report_uploads([("broken.jpg", b"text")])
    capsys.readouterr()
    reporter.report_sample("portrait.zip", write)
    assert capsys.readouterr().out == "You brought your own files: their results are in section 2.\n"


def test_a_broken_source_and_a_missing_one_look_alike(reporter: Reporter, tmp_path: Path):
    (tmp_path / "broken.jpg").write_bytes(b"text")
    for name in ("broken.jpg", "missing.jpg"):
        with pytest.raises(UserError, match=name):
            reporter.report(str(tmp_path / name))


def test_a_disk_that_is_full_is_not_taken_for_a_bad_picture(reporter: Reporter, tmp_path: Path, monkeypatch, capsys):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "me.jpg").write_bytes(HOPPER.read_bytes())
    monkeypatch.setattr(Image.Image, "save", refuse)
    with pytest.raises(UserError, match=r"Nothing can be written in .*: its disk is full"):
        reporter.report(str(HOPPER))
    reporter.report(str(tmp_path / "album"))  # where another file may have more luck
    assert "Nothing can be written in" in capsys.readouterr().out


def test_a_disk_that_fills_up_leaves_whole_files_and_the_next_run_goes_on(
    recogniser: Recogniser, portraits: dict[str, Image.Image], tmp_path: Path, capsys: pytest.CaptureFixture
):
    (tmp_path / "album").mkdir()
    for number in range(5):
        portraits["Collins"].rotate(number).save(tmp_path / "album" / f"{number}.png")
    write_sample_video(tmp_path / "album" / "video.mp4")
    with small_disk(tmp_path / "disk", "size=40k") as disk:
        reporter = Reporter(recogniser, disk / "results", frames_per_second=0.4)
        reporter.report(str(tmp_path / "album"))
        blamed = r"Nothing can be written in \S*/results/{}: its disk is full"
        said = capsys.readouterr().out
        assert re.search(blamed.format("album"), said)
        assert re.search(blamed.format("video"), said)
        assert not list(disk.rglob("unfinished*"))
        thumbnails = list(disk.rglob("*.jpg"))
        assert 0 < len(thumbnails) < 5
        for thumbnail in thumbnails:
            Image.open(thumbnail).load()
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)
        reporter.report(str(tmp_path / "album"))
        assert f"{len(thumbnails)} of 5 are known from before" in capsys.readouterr().out
        assert len(pd.read_csv(disk / "results" / "album" / "faces.csv")) == 5
        assert (disk / "results" / "video" / "annotated.mp4").exists()
