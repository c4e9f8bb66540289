"""The network's files: beside the notebook, in the repository that Colab opened it from, or nowhere."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from conftest import ROOT, serving

from fer.notebook import repository
from fer.notebook.errors import UserError
from fer.notebook.repository import find_models, opened_from_github

FILES = ("fer.json", "fer.h5")
FORK = "fileId=https%3A%2F%2Fgithub.com%2Fsomebody%2Ffork%2Fblob%2Fsmaller%2Fnetwork%2Fvia_image.ipynb"
DRIVE = "fileId=1aBcD_2efGh"  # of a notebook that was opened from Drive


def session(path: object) -> dict:
    """An entry of Colab's list of sessions, which is that of a Jupyter server."""
    kernel = {"id": "1", "name": "python3", "execution_state": "busy", "connections": 1}
    notebook = {"path": path, "name": "via_image.ipynb"}
    return {"id": "2", "path": path, "name": "via_image.ipynb", "type": "notebook", "kernel": kernel} | {
        "notebook": notebook
    }


@pytest.fixture
def colab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes | list], None]]:
    """In Colab, whose service for the list of sessions gives the answer that a test sets; b"" comes too late."""
    monkeypatch.setattr(repository, "IN_COLAB", True)
    with ExitStack() as servers:

        def answer(with_what: bytes | list) -> None:
            body = with_what if isinstance(with_what, bytes) else json.dumps(with_what).encode()

            class Sessions(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    if not body:
                        time.sleep(8)
                    self.send_response(200 if self.path == "/api/sessions" else 404)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

                def log_message(self, *_: object) -> None:
                    pass

            host, port = servers.enter_context(serving(Sessions)).split(":")
            monkeypatch.setenv("COLAB_JUPYTER_IP", host)
            monkeypatch.setenv("KMP_TARGET_PORT", port)

        yield answer


@pytest.fixture
def github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Make a repository with both files, whose fer.json holds `text`, at https://github.com/<name>, as git sees it."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{(tmp_path / 'github').as_uri()}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")

    def make(name: str, branch: str, text: str) -> None:
        folder = tmp_path / "github" / name
        git = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@t"]
        if not folder.exists():
            folder.mkdir(parents=True)
            subprocess.run([*git, "init", "-q", "-b", branch], check=True)
        else:
            subprocess.run([*git, "checkout", "-q", "-b", branch], check=True)
        (folder / "models").mkdir(exist_ok=True)
        (folder / "models" / "fer.json").write_text(text)
        (folder / "models" / "fer.h5").write_text("weights")
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "models"], check=True)

    return make


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notebook runs; there is nothing else."""
    folder = tmp_path / "content"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def network_in(folder: Path) -> str:
    return (folder / "fer.json").read_text()


def test_a_fork_s_branch_opened_in_colab_brings_its_own_network(colab: Callable, github: Callable):
    github("somebody/fork", "main", "of main")
    github("somebody/fork", "smaller/network", "of the branch")
    github("original/project", "main", "of the original")
    colab([session(DRIVE), session(FORK)])
    assert opened_from_github() == ("https://github.com/somebody/fork", "smaller/network")
    assert network_in(find_models("https://github.com/original/project")) == "of the branch"


def test_a_notebook_opened_at_a_commit_takes_the_newest_network(colab: Callable, github: Callable):
    github("somebody/fork", "main", "of main")
    colab([session(FORK.replace("smaller%2Fnetwork", "1f3870be274f6c49b3e31a0c6728957f"))])
    assert network_in(find_models("")) == "of main"


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [session(DRIVE)],
        [session(None), session(5), {}, None],
        {"message": "Not found"},
        b"<html>Sign in</html>",
        b"\xff\xfe\x00",
        [session(FORK.replace("github.com", "github.com.evil.example"))],
        [session(FORK.replace("https", "ext%3A%3Ash"))],
        [session(FORK.replace("somebody%2Ffork", "--upload-pack=touch%20owned%2Ffork"))],
        [session(FORK.replace("smaller%2Fnetwork", "--upload-pack=touch%20owned"))],
        [session("fileId=https%3A%2F%2Fgithub.com%2Fsomebody%2Fblob%2Fmain%2Fvia_image.ipynb")],
    ],
)
def test_what_names_no_repository_falls_back_to_the_field(sessions: object, colab: Callable, github: Callable):
    github("original/project", "main", "of the original")
    colab(sessions)
    assert opened_from_github() is None
    assert network_in(find_models("https://github.com/original/project")) == "of the original"
    assert sorted(path.name for path in Path().iterdir()) == ["github-com-original-project"]


def test_a_service_that_is_slow_or_absent_is_not_waited_for(colab: Callable, monkeypatch: pytest.MonkeyPatch):
    colab(b"")
    start = time.monotonic()
    assert opened_from_github() is None
    assert time.monotonic() - start < 4
    monkeypatch.setenv("KMP_TARGET_PORT", "9")
    assert opened_from_github() is None


def test_elsewhere_than_in_colab_nobody_is_asked(colab: Callable, monkeypatch: pytest.MonkeyPatch):
    colab([session(FORK)])
    monkeypatch.setattr(repository, "IN_COLAB", False)
    assert opened_from_github() is None


def test_files_beside_the_notebook_come_first(colab: Callable, github: Callable, empty_folder: Path):
    github("somebody/fork", "smaller/network", "of the branch")
    colab([session(FORK)])
    for name in FILES:
        (empty_folder / name).write_text("my own")
    assert network_in(find_models("")) == "my own"


def test_without_a_network_the_message_says_where_to_put_it(empty_folder: Path):
    with pytest.raises(UserError) as caught:
        find_models("https://github.invalid/nobody/nothing")
    for part in ("fer.json and fer.h5", str(empty_folder), "folder icon", "train_model.ipynb", "Run all again"):
        assert part in str(caught.value)


@pytest.mark.parametrize(("missing", "there"), [FILES, FILES[::-1]])
@pytest.mark.parametrize("place", ["models", "."])
def test_one_file_alone_is_not_replaced_by_another_network(
    missing: str, there: str, place: str, github: Callable, empty_folder: Path
):
    github("original/project", "main", "of the original")
    (empty_folder / place).mkdir(exist_ok=True)
    (empty_folder / place / there).write_text("my own")
    with pytest.raises(
        UserError, match=rf": {missing}. Copy what is missing there; then choose Run all again"
    ) as caught:
        find_models("https://github.com/original/project")
    assert str((empty_folder / place).absolute()) in str(caught.value)


def test_a_machine_without_git_gets_the_message(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    assert shutil.which("git") is None
    with pytest.raises(UserError, match="Run all again"):
        find_models("https://github.com/original/project")


def test_drive_is_looked_into_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(repository, "mount_drive", lambda _: tmp_path / "MyDrive")
    with pytest.raises(UserError, match=r"Missing in .*MyDrive/fer: fer.json and fer.h5. .* or clear DRIVE_FOLDER"):
        find_models("", "fer")
    shutil.copytree(ROOT / "models", tmp_path / "MyDrive" / "fer", ignore=shutil.ignore_patterns("runs"))
    assert find_models("", "fer") == tmp_path / "MyDrive" / "fer"
