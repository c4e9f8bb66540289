"""Whatever is typed or uploaded: told by what it is, reported, and never written over something else."""

import datetime
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import COLLINS, HOPPER, png
from PIL import Image
from test_fetching import server  # noqa: F401 - a fixture
from test_video import clip  # noqa: F401 - a fixture

from fer.faces.detection import crop_faces
from fer.faces.tracking import BOX_COLUMNS
from fer.media import collections
from fer.media.pictures import to_grey
from fer.notebook import uploads
from fer.notebook.errors import UserError
from fer.notebook.paths import picture_result_path, sha256_hex
from fer.notebook.uploads import ask_for_files
from fer.recognition import Recogniser
from fer.recognition.drawing import annotate, as_jpeg, as_png, plot_probabilities
from fer.reports import picture as picture_report
from fer.reports import sources
from fer.reports.sources import Reporter

NAMES = (
    "<script>alert(1)</script>.jpg",
    'it\'s "quoted".jpg',
    "two  spaces.jpg",
    "👩‍🚀.jpg",
    "祖母.jpg",
    "../../up.jpg",
)


@pytest.fixture
def desk(recogniser: Recogniser, tmp_path: Path) -> Reporter:
    return Reporter(recogniser, tmp_path / "results")


def made(desk: Reporter) -> list[str]:
    return sorted(path.relative_to(desk.results).as_posix() for path in desk.results.rglob("*") if path.is_file())


def zipped(*paths: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in paths:
            archive.write(path, path.name)
    return content.getvalue()


ALBUM = {"faces.csv", "problems.csv", "contact-sheet-1.jpg", "expressions.png", "journal.jsonl", "source"}


def test_a_typed_path_is_told_by_what_it_is(desk: Reporter, clip: Path, tmp_path: Path, capsys):  # noqa: F811
    album = tmp_path / "my album"
    album.mkdir()
    (album / "a.png").write_bytes(COLLINS.read_bytes())
    packed = tmp_path / "packed.cbz"  # a zip by another name
    packed.write_bytes(zipped(HOPPER))
    desk.take_source(f' "{HOPPER}" ')
    assert desk.latest.name == "grace_hopper.jpg"
    for path in (album, packed, clip):
        desk.take_source(str(path))
    found = made(desk)
    assert {"grace_hopper.csv", "grace_hopper.png"} <= set(found)
    assert {f"{folder}/{name}" for folder in ("my_album", "packed") for name in ALBUM} <= set(found)
    assert {"clip/annotated.mp4", "clip/timeline.csv", "clip/timeline.png"} <= set(found)
    assert "Stopped" not in capsys.readouterr().out


def test_an_address_is_fetched(desk: Reporter, server: str):  # noqa: F811
    desk.take_source(f"{server}/nasa/collins.png")
    assert made(desk) == ["collins.csv", "collins.png"]


@pytest.mark.parametrize(
    ("source", "said"),
    [("nowhere.jpg", "no file nowhere"), ("ftp://a/b.jpg", "neither a path"), ("file:///etc/hosts", "neither a path")],
)
def test_what_leads_nowhere_is_one_sentence(desk: Reporter, source: str, said: str):
    with pytest.raises(UserError, match=said):
        desk.take_source(source)


def test_a_picture_that_only_ends_as_a_zip_is_a_picture(desk: Reporter):
    """As some cameras and jokers make them: `zipfile.is_zipfile` would say yes."""
    content = COLLINS.read_bytes() + zipped(HOPPER)
    assert zipfile.is_zipfile(io.BytesIO(content))
    desk.take_uploads([("both.png", content)])
    assert made(desk) == ["both.csv", "both.png"]


def test_uploads_of_every_kind_at_once(desk: Reporter, clip: Path, capsys):  # noqa: F811
    files = [("bad.zip", b"PK\3\4 is all"), ("me.png", COLLINS.read_bytes()), ("bad.mp4", b"no video")]
    files += [("more.zip", zipped(HOPPER)), ("clip.mp4", clip.read_bytes())]
    desk.take_uploads(files)
    said = capsys.readouterr().out
    assert "bad.zip is a damaged zip" in said
    assert "bad.mp4 is neither a picture nor a video" in said
    assert "upload." not in said
    assert {"me.csv", "more/faces.csv", "clip/annotated.mp4"} <= set(made(desk))


def test_several_uploads_make_one_report_and_another_set_another(desk: Reporter, capsys):
    hopper, collins = ("a.jpg", HOPPER.read_bytes()), ("b.png", COLLINS.read_bytes())
    desk.take_uploads([hopper, collins, ("notes.jpg", b"text")])
    assert "uploads: 3 files, 2 faces, 1 problem" in capsys.readouterr().out
    desk.take_uploads([hopper, collins, ("notes.jpg", b"text")])
    assert "2 of 3 are known from before" in capsys.readouterr().out
    desk.take_uploads([hopper, hopper])
    assert len(pd.read_csv(desk.results / "uploads" / "faces.csv")) == 2
    assert len(pd.read_csv(desk.results / "uploads-2" / "faces.csv")) == 2


def test_two_uploads_of_one_name_are_both_kept_and_the_same_once(desk: Reporter):
    for path in (HOPPER, COLLINS, HOPPER, COLLINS):
        desk.take_uploads([("me.jpg", path.read_bytes())])
    assert made(desk) == ["me-2.csv", "me-2.png", "me.csv", "me.png"]
    assert pd.read_csv(desk.results / "me.csv").loc[0, "expression"] == "neutral"
    assert pd.read_csv(desk.results / "me-2.csv").loc[0, "expression"] == "happy"


def test_folders_of_one_name_and_files_of_the_user_s_own_are_kept(desk: Reporter, tmp_path: Path):
    for parent in ("one", "two"):
        (tmp_path / parent / "photos").mkdir(parents=True)
        (tmp_path / parent / "photos" / f"{parent}.jpg").write_bytes(HOPPER.read_bytes())
        desk.take_source(str(tmp_path / parent / "photos"))
    for folder, name in (("photos", "one.jpg"), ("photos-2", "two.jpg")):
        assert pd.read_csv(desk.results / folder / "faces.csv")["file"].tolist() == [name]
    Image.new("L", (9, 9)).save(desk.results / "mine.png")
    (desk.results / "table.csv").write_text("mine")
    (desk.results / "broken.png").write_text("mine")
    for name in ("mine", "table", "broken"):
        assert picture_result_path(desk.results, f"{name}.jpg", sha256_hex(b"")) == desk.results / f"{name}-2"


@pytest.mark.parametrize("name", NAMES)
def test_names_of_uploads_lead_nowhere_else(desk: Reporter, name: str, tmp_path: Path, capsys):
    before = set(tmp_path.rglob("*"))
    desk.take_uploads([(name, HOPPER.read_bytes())])
    made = set(tmp_path.rglob("*")) - before - {desk.results}
    assert {path.parent for path in made} == {desk.results}
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


def test_forty_faces_are_each_in_the_table(desk: Reporter):
    desk.take_uploads([("forty.png", picture_of(*((10 + 110 * (i % 8), 20 + 130 * (i // 8), 100) for i in range(40))))])
    table = pd.read_csv(desk.results / "forty.csv")
    assert len(table) >= 38  # the detector's recall is tested elsewhere
    assert table["face"].tolist() == list(range(1, len(table) + 1))


def test_a_face_at_the_very_edge(desk: Reporter):
    desk.take_uploads([("edge.png", picture_of((0, 0, 100), (800, 600, 100)))])
    table = desk.latest.table
    assert len(table) >= 1
    inside = (table[["x", "y"]] >= -60).all(axis=1) & (table["x"] < 900) & (table["y"] < 700)
    assert inside.all()


def test_a_face_of_twenty_pixels_and_a_picture_without_any(desk: Reporter, capsys):
    desk.take_uploads([("tiny.png", picture_of((400, 300, 20)))])
    desk.take_uploads([("dot.png", picture_of(size=(1, 1)))])
    desk.take_uploads([("none.png", picture_of())])
    said = capsys.readouterr().out
    for name in ("dot", "none"):
        assert f"No face was found in {name}.png. The detector looks for upright faces" in said
        assert pd.read_csv(desk.results / f"{name}.csv").empty
    assert "tiny.png: " in said
    assert np.asarray(Image.open(desk.results / "tiny.png")).shape == (700, 900, 3)


def test_an_unreadable_upload_is_one_sentence(desk: Reporter, capsys):
    desk.take_uploads([("page.png", b"<!DOCTYPE html>")])
    assert capsys.readouterr().out.startswith("page.png is not a picture that can be read here (it is a web page).")
    assert desk.latest is None
    desk.take_uploads([])


def test_colab_s_dialogue_hands_everything_over(
    desk: Reporter, fake_colab: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.setattr(uploads, "has_colab_frontend", lambda: True)
    monkeypatch.setenv("FAKE_UPLOADS", f"{HOPPER} {COLLINS}")
    ask_for_files(desk.take_uploads, field="SOURCE")
    assert "uploads: 2 files, 2 faces, no problems" in capsys.readouterr().out
    monkeypatch.setenv("FAKE_UPLOADS", "")
    ask_for_files(desk.take_uploads, field="SOURCE")
    assert capsys.readouterr().out == "No file was chosen. Run this cell again to choose one.\n"


def test_jupyter_s_button_hands_everything_over(desk: Reporter, monkeypatch: pytest.MonkeyPatch):
    shown = []
    monkeypatch.setattr(uploads, "display_widget", lambda *arguments: shown.extend(arguments))
    monkeypatch.setattr(uploads, "bind_output_to_cell", lambda: lambda: None)  # there is no cell here
    ask_for_files(desk.take_uploads, field="SOURCE")
    button, instead = shown
    assert "type its path into the field SOURCE" in instead
    assert button.accept == "image/*,video/*,.zip"
    about = {"type": "", "size": 1, "last_modified": datetime.datetime.now(datetime.UTC)}
    files = [("me.zip", zipped(HOPPER)), ("me.jpg", HOPPER.read_bytes()), ("empty.jpg", b"")]
    button.value = tuple({"name": name, "content": memoryview(content), **about} for name, content in files)
    assert {"me/faces.csv", "uploads/faces.csv", "uploads/problems.csv"} <= set(made(desk))


def test_what_is_shown_and_saved_has_the_boxes(recogniser: Recogniser, two_faces: np.ndarray, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(picture_report, "display", lambda what: shown.append(what.data))
    table = picture_report.report_picture(recogniser, "two.png", png(two_faces), tmp_path).table
    expected = annotate(two_faces, table)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "two.png")), expected)
    crops = crop_faces(to_grey(two_faces), table[BOX_COLUMNS].to_numpy())
    assert shown == [as_jpeg(expected), as_png(plot_probabilities(table, crops))]


def test_the_table_of_a_picture_is_shown(desk: Reporter, monkeypatch: pytest.MonkeyPatch):
    shown = []
    monkeypatch.setattr(sources, "display", shown.append)
    desk.take_source(str(HOPPER))
    pd.testing.assert_frame_equal(shown[0], picture_report.format_faces({"grace_hopper.jpg": desk.latest.table}))


def test_small_photos_are_searched_thoroughly_too(desk: Reporter, one_far_behind: Image.Image):
    content = png(np.asarray(one_far_behind))
    assert len(desk.recogniser.recognise(np.asarray(one_far_behind))) == 1  # as a frame of a camera
    desk.take_uploads([("two.png", content)])
    assert len(desk.latest.table) == 2
    desk.take_uploads([("one.png", content), ("other.png", content)])
    assert len(pd.read_csv(next(desk.results.rglob("faces.csv")))) == 4


def test_videos_are_sampled_at_the_chosen_rate(recogniser: Recogniser, clip: Path, tmp_path: Path):  # noqa: F811
    Reporter(recogniser, tmp_path, frames_per_second=2).take_source(str(clip))
    assert pd.read_csv(tmp_path / "clip" / "timeline.csv")["seconds"].nunique() == 6


def test_a_picture_of_gigabytes_is_not_read(desk: Reporter, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collections, "LARGEST_FILE", 1000)
    with pytest.raises(UserError, match=r"grace_hopper\.jpg has .* the limit"):
        desk.take_source(str(HOPPER))


def test_a_file_that_may_not_be_read_is_one_sentence(desk: Reporter, monkeypatch: pytest.MonkeyPatch):
    def refuse(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(sources, "is_zip", refuse)
    with pytest.raises(UserError, match=r"^grace_hopper\.jpg cannot be read \(Permission denied\)"):
        desk.take_source(str(HOPPER))


def test_an_address_in_capitals_is_fetched(desk: Reporter, server: str):  # noqa: F811
    desk.take_source(f"HTTP{server.removeprefix('http')}/nasa/collins.png")
    assert desk.latest.name == "collins.png"
