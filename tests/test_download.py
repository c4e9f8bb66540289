"""The data comes from Kaggle, a web address, Drive or an upload; what is broken or missing is said."""

import http.server
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import drawn_face, png, serving

from fer.data.dataset import FaceDataset
from fer.data.download import find_fer2013, find_own_pictures
from fer.data.fer2013 import PUBLISHED_COUNTS, check_complete, read_fer2013
from fer.data.own_pictures import read_own_pictures
from fer.notebook.errors import UserError
from fer.notebook.front_end import mount_drive


@pytest.fixture(scope="module")
def pictures(kaggle_zip: Path) -> FaceDataset:
    return read_fer2013(kaggle_zip)[0]


@pytest.fixture
def server(kaggle_zip: Path) -> Iterator[str]:
    """A real web server with the made zip; `/cut.zip` promises more than it sends."""
    content = kaggle_zip.read_bytes()

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in ("/made.zip", "/cut.zip"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content if self.path == "/made.zip" else content[:-1000])

        def log_message(self, *_: object) -> None:
            pass

    with serving(Answers) as address:
        yield f"http://{address}"


def test_data_of_kagglehub_is_used(downloaded: Path, tmp_path: Path):
    assert find_fer2013("", tmp_path / "none.csv") == downloaded


def test_data_from_a_web_address(server: str, pictures: FaceDataset, tmp_path: Path):
    found = find_fer2013(f"{server}/made.zip", tmp_path / "data" / "fer2013.csv")
    np.testing.assert_array_equal(read_fer2013(found)[0].images, pictures.images)
    assert [path.name for path in (tmp_path / "data").iterdir()] == [found.name]
    changed = found.stat().st_mtime_ns
    assert find_fer2013(f"{server}/made.zip", tmp_path / "data" / "fer2013.csv").stat().st_mtime_ns == changed


@pytest.mark.parametrize("name", ["cut.zip", "absent.zip"])
def test_a_download_that_fails_leaves_nothing_that_looks_whole(name: str, server: str, tmp_path: Path):
    with pytest.raises(UserError, match="404" if name == "absent.zip" else "failed"):
        find_fer2013(f"{server}/{name}", tmp_path / "fer2013.csv")
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith("unfinished.")]


def test_drive_is_for_colab():
    with pytest.raises(UserError, match="SAVE_TO_DRIVE is on, but Google Drive is only at hand in Colab"):
        mount_drive("SAVE_TO_DRIVE is on")


@pytest.fixture
def colab(fake_colab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """In Colab, as far as tests/fake_colab has it."""
    monkeypatch.setattr("fer.notebook.front_end.IN_COLAB", True)
    monkeypatch.setattr("fer.data.download.IN_COLAB", True)


def test_a_drive_that_is_denied_says_what_to_do(colab: None):
    with pytest.raises(UserError, match=r"SAVE_TO_DRIVE is on, but .* did not open \(.*denied\). Allow it"):
        mount_drive("SAVE_TO_DRIVE is on")


def test_an_upload_is_asked_for_once_and_kept(
    colab: None, kaggle_zip: Path, pictures: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FAKE_UPLOADS", str(kaggle_zip))
    found = find_fer2013("upload", tmp_path / "data" / "fer2013.csv")
    np.testing.assert_array_equal(read_fer2013(found)[0].images, pictures.images)
    monkeypatch.setenv("FAKE_UPLOADS", "")  # the dialogue is closed without a choice
    assert find_fer2013("upload", tmp_path / "data" / "fer2013.csv") == found
    with pytest.raises(UserError, match=r"No file was chosen; .* Run this cell again"):
        find_own_pictures("upload", tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == [found]


def test_several_zips_are_uploaded_together(colab: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("happy", "sad"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as file:
            for number in range(9):
                file.writestr(f"{number}.png", png(drawn_face(name == "sad", number)))
    monkeypatch.setenv("FAKE_UPLOADS", " ".join(str(tmp_path / f"{name}.zip") for name in ("happy", "sad")))
    found = find_own_pictures("upload", tmp_path / "data")
    assert read_own_pictures(found, whole_picture=True)[0].classes == ("happy", "sad")


def test_an_upload_elsewhere_than_in_colab_says_how(tmp_path: Path):
    with pytest.raises(UserError, match=r"PICTURES is 'upload', which opens Colab's dialogue. Here, drag"):
        find_own_pictures("upload", tmp_path)


def test_colab_s_copy_that_never_comes_is_not_waited_for(
    downloaded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Where Colab has a service for copies of Kaggle's data, kagglehub waits for it without end."""
    monkeypatch.setenv("DISABLE_COLAB_CACHE", "false")  # so that what the code sets there is taken back
    monkeypatch.setenv("COLAB_CACHE_MOUNT_FOLDER", str(tmp_path / "input"))
    monkeypatch.setenv("TBE_RUNTIME_ADDR", "127.0.0.1:9")  # nobody answers there
    assert find_fer2013("", tmp_path / "none.csv") == downloaded


def test_a_folder_that_came_only_in_part_is_said(pictures: FaceDataset, capsys: pytest.CaptureFixture):
    check_complete(pictures)
    count = len(pictures.labels)
    assert f"There are {count:,} of FER-2013's 27,213 pictures. Is the download whole?" in capsys.readouterr().out
    with pytest.raises(UserError, match=r"There is no picture of PublicTest. Is the download whole\? Get it again."):
        check_complete(pictures.split("Training"))


def test_the_archive_is_complete(archive: Path, capsys: pytest.CaptureFixture):
    real = read_fer2013(archive)[0]
    capsys.readouterr()
    check_complete(real)
    assert capsys.readouterr().out == ""
    assert len(real.labels) == PUBLISHED_COUNTS["Training"] + PUBLISHED_COUNTS["PublicTest"]
