"""Many pictures: listed from folders, zips and uploads; recognised in spite of bad ones, and of being stopped."""

import io
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import COLLINS, HOPPER, ROOT
from matplotlib import font_manager
from PIL import Image, ImageFont
from test_recognition import made_table

from fer.expressions import EXPRESSIONS, FACE_COLUMNS
from fer.faces.detection import detect_thorough
from fer.media import collections
from fer.media.collections import PictureFile, list_folder, list_uploads, list_zip
from fer.notebook.errors import UserError
from fer.notebook.progress import progress
from fer.recognition.recogniser import COLUMNS, Recogniser
from fer.reports import collection, tables
from fer.reports.batch import draw_thumbnail, join_faces, recognise_files
from fer.reports.collection import (
    plot_expression_counts,
    report_collection,
    save_contact_sheets,
    shorten,
)
from fer.reports.tables import show_table

SMALL = Image.open(COLLINS).convert("RGB").resize((256, 256))


def jpeg(picture: Image.Image = SMALL) -> bytes:
    content = io.BytesIO()
    picture.save(content, "JPEG")
    return content.getvalue()


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def names(items: list[PictureFile]) -> list[str]:
    return [item.name for item in items]


def test_a_folder_is_listed_with_its_folders_without_what_is_hidden(tmp_path: Path, capsys):
    wanted = ["a.jpg", "b/a.jpg", "b/c/祖母 🎂.png", "b/notes.txt"]
    for name in (*wanted, ".hidden.jpg", ".git/a.jpg", "__MACOSX/a.jpg", "b/._a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "pipe.jpg").symlink_to("/dev/zero")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    items = list_folder(tmp_path)
    assert re.findall("Left out: (.*) is no file", capsys.readouterr().out) == ["gone.jpg", "pipe.jpg"]
    assert names(items) == wanted
    assert [item.read() for item in items] == [name.encode() for name in wanted]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no file in empty"):
        list_folder(tmp_path / "empty")


def test_linked_folders_are_followed_each_once(tmp_path: Path):
    """A link may lead to another album, to the album itself, to what is around it, or nowhere."""
    for name in ("album/z/a.jpg", "shared/b.jpg", "shared/deep/c.jpg", "other.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    links = {"linked": "shared", "again": "shared/deep", "z/self": "album", "up": "", "before": "album/z", "gone": "x"}
    for name, target in links.items():
        (tmp_path / "album" / name).symlink_to(tmp_path / target)
    (tmp_path / "shared" / "back").symlink_to(tmp_path / "album")
    assert names(list_folder(tmp_path / "album")) == ["again/c.jpg", "linked/b.jpg", "z/a.jpg"]


def test_a_zip_is_listed_likewise():
    wanted = {"a.jpg": b"1", "b/a.jpg": b"2", "../../evil.jpg": b"3", "/etc/evil.jpg": b"4", "b/Großmutter.jpg": b"5"}
    hidden = {".hidden.jpg": b"", "__MACOSX/b/._a.jpg": b"", "b/": b"", "b/.DS_Store": b""}
    items = list_zip(zipped(wanted | hidden), "a.zip")
    assert {item.name: item.read() for item in items} == wanted


def test_names_of_finder_s_zips_are_utf_8_although_they_do_not_say_so():
    file = zipped({"XXXXXX.jpg": b"1"})
    content = file.getvalue().replace(b"XXXXXX", "祖母".encode())
    assert names(list_zip(io.BytesIO(content), "a.zip")) == ["祖母.jpg"]


def test_names_that_spreadsheets_would_run_and_terminals_obey_are_made_harmless():
    given = [("=HYPERLINK(1).jpg", b"1"), ("a\x1b[2J.jpg", b"2"), ("@a.jpg", b"3"), ("a=b.jpg", b"4")]
    assert names(list_uploads(given)) == ["./=HYPERLINK(1).jpg", "a\ufffd[2J.jpg", "./@a.jpg", "a=b.jpg"]


# Named, as a zip holds the time at which it was made, and pytest's two processes must name their tests alike.
@pytest.mark.parametrize(
    "content",
    [b"", b"PK\3\4 and no more", zipped({"a": bytes(9)}).getvalue()[:-30]],
    ids=["empty", "only its first bytes", "cut off"],
)
def test_a_broken_zip_is_one_sentence(content: bytes):
    with pytest.raises(UserError, match=r"^a\.zip is a damaged zip"):
        list_zip(io.BytesIO(content), "a.zip")


def test_zip_bombs_are_neither_unpacked_nor_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(collections, "LARGEST_FILE", 1_000_000)
    monkeypatch.setattr(collections, "LARGEST_ARCHIVE", 5_000_000)
    bomb, good = list_zip(zipped({"bomb.jpg": bytes(2_000_000), "good.jpg": b"1"}), "a.zip")
    with pytest.raises(UserError, match=r"bomb.jpg has 2 MB; the limit is 1 MB"):
        bomb.read()
    assert good.read() == b"1"
    with pytest.raises(UserError, match="would unpack to"):
        list_zip(zipped({f"{number}.jpg": bytes(900_000) for number in range(6)}), "a.zip")


def test_a_zip_that_lies_about_its_size_is_read_no_further():
    """The directory says 100 bytes; the member has ten million."""
    file = bytearray(zipped({"a.jpg": bytes(10_000_000)}).getvalue())
    entry = file.rindex(b"PK\1\2")
    file[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    [item] = list_zip(io.BytesIO(bytes(file)), "a.zip")
    with pytest.raises(UserError, match=r"^a\.jpg cannot be read \(BadZipFile"):
        item.read()


def mixed(*more: PictureFile) -> list[PictureFile]:
    """Two portraits, two bad files, and what else is given."""
    files = [("a/me.jpg", jpeg()), ("b/me.jpg", HOPPER.read_bytes()), ("text.jpg", b"text"), ("cut.jpg", jpeg()[:900])]
    return [*list_uploads(files), *more]


def stop() -> io.BytesIO:
    raise KeyboardInterrupt


def break_off() -> io.BytesIO:
    raise OSError("the disk\nis gone")


def test_bad_files_become_problems_and_stop_nothing(recogniser: Recogniser, tmp_path: Path, capsys):
    wall = list_uploads([("wall.jpg", jpeg(Image.new("RGB", (300, 200), "gray")))])
    items = mixed(PictureFile("gone.jpg", "0", 1, break_off), *wall)
    report_collection(recogniser, items, "album", tmp_path)
    said = capsys.readouterr().out
    assert "album, 6 files: 2 with faces, 1 without, 3 unreadable; 2 faces" in said
    saved = "faces.csv (2 rows), problems.csv (4 rows), contact-sheet-1.jpg, expressions.png"
    assert f"Saved in {tmp_path}/: {saved}." in said
    faces = pd.read_csv(tmp_path / "faces.csv")
    assert tuple(faces.columns) == ("file", *FACE_COLUMNS, "uncertain", *EXPRESSIONS)
    assert faces["file"].tolist() == ["a/me.jpg", "b/me.jpg"]
    expected = recogniser.recognise(np.asarray(Image.open(HOPPER)), detect_thorough, steady=True)
    pd.testing.assert_frame_equal(
        faces.loc[[1], expected.columns].reset_index(drop=True), expected, check_dtype=False, atol=1e-3
    )
    problems = pd.read_csv(tmp_path / "problems.csv").set_index("file")["problem"]
    assert problems.index.tolist() == ["text.jpg", "cut.jpg", "gone.jpg", "wall.jpg"]
    assert "(it is text)" in problems["text.jpg"]
    assert problems["cut.jpg"].startswith("is damaged")  # its name stands in the column beside
    assert problems["gone.jpg"] == "cannot be read (OSError: the disk is gone). Copy or download it again."
    assert problems["wall.jpg"] == "no face was found"
    for name in ("contact-sheet-1.jpg", "expressions.png"):
        Image.open(tmp_path / name).verify()


def test_a_stopped_run_keeps_what_it_has_and_goes_on_from_there(recogniser: Recogniser, tmp_path: Path, capsys):
    stopper = PictureFile("stop.jpg", "stop", 1, stop)
    report_collection(recogniser, [*mixed()[:2], stopper, *mixed()[2:]], "album", tmp_path)
    said = capsys.readouterr().out
    assert "Stopped after 2 of 5" in said
    assert len(pd.read_csv(tmp_path / "faces.csv")) == 2

    def fail() -> io.BytesIO:
        raise AssertionError("recognised before, so not read again")

    known = [item._replace(open=fail) for item in mixed()[:2]]
    entries = recognise_files(recogniser, [*known, *mixed()[2:]], tmp_path)
    assert "2 of 4 are known from before" in capsys.readouterr().out
    assert entries == recognise_files(recogniser, mixed(), tmp_path / "afresh")


def test_what_has_changed_is_recognised_anew(recogniser: Recogniser, tmp_path: Path, capsys):
    folder, results = tmp_path / "album", tmp_path / "results"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(jpeg())
    before = join_faces(recognise_files(recogniser, list_folder(folder), results), COLUMNS)
    (folder / "b.jpg").write_bytes(HOPPER.read_bytes())
    after = join_faces(recognise_files(recogniser, list_folder(folder), results), COLUMNS)
    assert "1 of 2 are known from before" in capsys.readouterr().out
    assert before["expression"].tolist() == ["happy", "happy"]
    assert after["expression"].tolist() == ["happy", "neutral"]
    (results / ".finished.jsonl").write_text((results / ".finished.jsonl").read_text()[:-40])  # cut off by a kill
    for thumbnail in (results / ".thumbnails").iterdir():
        thumbnail.unlink()
        break
    entries = recognise_files(recogniser, list_folder(folder), results)
    pd.testing.assert_frame_equal(after, join_faces(entries, COLUMNS))
    assert all((results / entry["thumbnail"]).is_file() for entry in entries)


def test_what_failed_is_tried_again(recogniser: Recogniser, tmp_path: Path):
    """As when a disk is back, or pillow-heif was installed."""
    good = mixed()[0]
    [failed] = recognise_files(recogniser, [good._replace(open=break_off)], tmp_path)
    [entry] = recognise_files(recogniser, [good], tmp_path)
    assert failed["problem"]
    assert not entry["problem"]


def test_thumbnails_name_one_face_number_several_and_only_box_many():
    image = np.full((1500, 2000, 3), 255, np.uint8)
    boxes = [(100 + 350 * number, 900, 300, 300) for number in range(5)]
    one, several, many = (draw_thumbnail(image, made_table(*boxes[:number])) for number in (1, 4, 5))
    assert one.shape == several.shape == many.shape == (168, 224, 3)
    drawn = np.argwhere((many != 255).any(axis=2))
    np.testing.assert_allclose(drawn.min(axis=0), (101, 11), atol=4)
    np.testing.assert_allclose(drawn.max(axis=0), (134, 202), atol=4)
    label, numbers = ((picture[:95] != 255).any(axis=(0, 2)) for picture in (one, several))
    assert label.sum() > 60
    assert (np.diff(numbers.astype(int)) == 1).sum() == 4  # plates apart from each other


def test_bars_count_sure_and_unsure_faces():
    faces = made_table(*[(0, 0, 9, 9)] * 3)
    faces.loc[2, ["happy", "sad"]] = (0.4, 0.3)
    sure, unsure = plot_expression_counts(faces).axes[0].containers
    assert [bar.get_width() for bar in sure] == [0, 2, 0, 0, 0]
    assert [bar.get_width() for bar in unsure] == [0, 1, 0, 0, 0]


def test_another_network_starts_afresh(recogniser: Recogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    recognise_files(recogniser, mixed()[:1], tmp_path)
    classify: Callable = recogniser.classify
    monkeypatch.setattr(recogniser, "classify", lambda crops: classify(crops)[:, ::-1])
    recognise_files(recogniser, mixed()[:1], tmp_path)
    assert "known from before" not in capsys.readouterr().out


RUN = """
import sys
from pathlib import Path
import fer.notebook.setup
from fer.reports.batch import recognise_files
from fer.media.collections import list_folder
from fer.recognition import Recogniser
recognise_files(Recogniser.load(sys.argv[1]), list_folder(Path(sys.argv[2])), Path(sys.argv[3]))
"""


@pytest.mark.slow
def test_a_killed_run_loses_one_picture_at_most(recogniser: Recogniser, tmp_path: Path, capsys):
    album, results = tmp_path / "album", tmp_path / "results"
    album.mkdir()
    for number in range(15):
        (album / f"{number:02}.jpg").write_bytes(jpeg(SMALL.rotate(number - 7)))
    command = [sys.executable, "-c", RUN, str(ROOT / "models"), str(album), str(results)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    finished = results / ".finished.jsonl"
    while not finished.exists() or finished.read_text().count("\n") < 3:
        assert killed.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept, thumbnails = finished.read_text().count("\n"), len(list((results / ".thumbnails").iterdir()))
    assert kept < 15  # it was killed on its way, and had written down what it had
    assert thumbnails - kept in (0, 1)
    entries = recognise_files(recogniser, list_folder(album), results)
    assert f"{kept} of 15 are known from before" in capsys.readouterr().out
    assert [entry["file"] for entry in entries] == [f"{number:02}.jpg" for number in range(15)]
    assert not any(entry["problem"] for entry in entries)


def test_every_name_survives_to_the_tables_and_nothing_leaves_the_folder(
    recogniser: Recogniser, tmp_path: Path, monkeypatch
):
    given = [
        "<script>alert(1)</script>.jpg",
        'it\'s "quoted" & $x_1$.jpg',
        "two  spaces.jpg",
        "祖母 🎂.jpg",
        "../../up.jpg",
    ]
    results = tmp_path / "deep" / "results"
    report_collection(recogniser, list_uploads([(name, jpeg()) for name in given]), "<b>", results)
    faces = pd.read_csv(results / "faces.csv")
    assert faces["file"].tolist() == given
    assert not (tmp_path / "up.jpg").exists()
    assert {path.name for path in tmp_path.rglob("*") if path.is_dir()} == {"deep", "results", ".thumbnails"}
    shown = []
    monkeypatch.setattr(tables, "display", lambda data, raw: shown.append(data["text/html"]))
    tables.show_faces(faces, 8, "faces.csv")
    assert "<script>" not in shown[0]
    assert "&lt;script&gt;" in shown[0]


def saved_sheets(entries: list[dict], folder: Path) -> list[np.ndarray]:
    Image.new("RGB", (200, 150), "red").save(folder / "a.jpg")
    names = save_contact_sheets([{"faces": [{}], "thumbnail": "a.jpg", **entry} for entry in entries], folder)
    return [np.asarray(Image.open(folder / name)) for name in names]


def test_forty_pictures_fill_a_sheet(tmp_path: Path, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(collection, "display", shown.append)
    sheets = saved_sheets([{"file": f"{'long ' * 30}{number}.jpg"} for number in range(41)], tmp_path)
    assert [sheet.shape for sheet in sheets] == [(2020, 928, 3), (202, 232, 3)]
    red = (np.abs(sheets[0].astype(int) - (254, 0, 0)) < 9).all(axis=2).mean()
    assert red == pytest.approx(40 * 200 * 150 / (2020 * 928), abs=0.02)
    assert [picture.data for picture in shown] == [(tmp_path / "contact-sheet-1.jpg").read_bytes()]
    assert "first of 2 contact sheets" in capsys.readouterr().out
    assert saved_sheets([], tmp_path) == []


def test_long_names_lose_their_middle():
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans Mono"), 10)
    room = font.getlength(12 * "a")
    assert shorten("holiday-2024-IMG_0001.jpg", font, room) == "hol…0001.jpg"
    assert shorten("short.jpg", font, room) == "short.jpg"


def test_nothing_but_problems_is_reported_too(recogniser: Recogniser, tmp_path: Path, capsys):
    report_collection(recogniser, mixed()[2:], "album", tmp_path)
    assert "album, 2 files: 0 with faces, 0 without, 2 unreadable; no faces" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "faces.csv").empty


def test_a_changed_file_of_the_same_size_is_another(tmp_path: Path):
    in_folders, in_zips = [], []
    for when, content in ((1, b"12"), (2, b"21")):
        (tmp_path / "a.jpg").write_bytes(content)
        os.utime(tmp_path / "a.jpg", (when, when))
        in_folders.append(list_folder(tmp_path)[0].key)
        in_zips.append(list_zip(zipped({"a.jpg": content}), "a.zip")[0].key)
    assert in_folders[0] != in_folders[1]
    assert in_zips[0] != in_zips[1]


def test_the_bar_tells_the_time_left(recogniser: Recogniser, tmp_path: Path, capsys):
    bar = progress(None, "Recognising", total=10)
    time.sleep(0.01)
    bar.update(5)
    assert re.search(r"5/10 it \[\d\d:\d\d<\d\d:\d\d\]", str(bar))
    bar.close()
    capsys.readouterr()
    recognise_files(recogniser, mixed()[:2], tmp_path)
    assert re.search(r"Recognising: +0%\|.*0/2 pictures \[00:00<\?\]", capsys.readouterr().out)


def test_thumbnails_are_annotated(recogniser: Recogniser, tmp_path: Path, hopper: np.ndarray):
    [entry] = recognise_files(recogniser, mixed()[1:2], tmp_path)
    saved = np.asarray(Image.open(tmp_path / entry["thumbnail"])).astype(int)
    faces = pd.DataFrame(entry["faces"])
    expected, plain = (draw_thumbnail(hopper, table) for table in (faces, faces.head(0)))
    assert np.abs(saved - expected).mean() < 0.5 * np.abs(saved - plain).mean()


def test_each_thumbnail_has_its_name_below(tmp_path: Path):
    [sheet] = saved_sheets([{"file": f"{name}.jpg"} for name in "abc"], tmp_path)
    for left in range(0, 696, 232):
        assert (sheet[178:, left : left + 232].max(axis=2) < 100).sum() > 20


def test_a_caption_tells_a_picture_without_a_face(tmp_path: Path):
    [sheet] = saved_sheets([{"file": "a.jpg"}, {"file": "a.jpg", "faces": []}], tmp_path)
    black = (sheet[178:].max(axis=2) < 100).any(axis=0)
    assert black[232:].sum() > 2 * black[:232].sum()


def test_many_show_sheet_chart_faces_and_problems(recogniser: Recogniser, tmp_path: Path, monkeypatch):
    shown = []
    monkeypatch.setattr(collection, "display", shown.append)
    monkeypatch.setattr(tables, "display", lambda data, raw: shown.append(data["text/plain"].splitlines()))
    report_collection(recogniser, mixed(), "album", tmp_path)
    sheet, chart, faces, problems = shown
    assert (sheet.format, chart.format) == ("jpeg", "png")
    assert chart.data == (tmp_path / "expressions.png").read_bytes()
    assert [line.split()[:2] for line in faces] == [["file", "face"], ["a/me.jpg", "1"], ["b/me.jpg", "1"]]
    assert [line.split()[0] for line in problems] == ["file", "text.jpg", "cut.jpg"]


def test_what_is_not_shown_of_a_table_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    shown = []
    monkeypatch.setattr(tables, "display", lambda data, raw: shown.append(data["text/html"]))
    table = pd.DataFrame({"file": ["<i>a.jpg"] * 212, "problem": ["long " * 30] * 212})
    show_table(table, 2, 8, "faces", "faces.csv")
    assert capsys.readouterr().out == "The first 8 of 212 faces; all are in faces.csv.\n"
    assert shown[0].count("&lt;i&gt;a.jpg") == shown[0].count("long " * 29) == 8
    show_table(table.head(8), 2, 8, "faces", "faces.csv")
    assert capsys.readouterr().out == ""


def test_many_sheets_are_named_from_the_first_to_the_last(recogniser: Recogniser, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(collection, "SHEET_ROWS", 1)
    monkeypatch.setattr(collection, "SHEET_COLUMNS", 1)
    report_collection(recogniser, list_uploads([(f"{number}.jpg", jpeg()) for number in range(3)]), "album", tmp_path)
    assert "contact-sheet-1.jpg to contact-sheet-3.jpg, expressions.png." in capsys.readouterr().out
