"""Find the trained network: in Drive, beside the notebook, or in a clone of its repository."""

import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import requests

from fer.notebook.errors import UserError
from fer.notebook.front_end import IN_COLAB, mount_drive

# As Colab names it: the repository's address, the branch, and the notebook in the repository's top folder.
GITHUB_NOTEBOOK = re.compile(r"fileId=(https://github\.com/[\w-]+/[\w.-]+)/blob/(\w[\w./-]*)/[^/]+\.ipynb", re.ASCII)


def find_models(repository: str, drive_folder: str = "") -> Path:
    """Find the folder with fer.json and fer.h5: in Drive if asked for, here, or in a clone of the repository.

    repository: see `fetch_models`. drive_folder: a folder in the user's Google Drive such as "fer/models"; mounting
    asks for permission, so an empty one never does. Raises UserError that says how to bring the files.
    """
    if drive_folder:
        folders = [mount_drive(f"DRIVE_FOLDER is {drive_folder!r}") / drive_folder]
    else:
        folders = [Path("models"), Path()]
    folder = min(folders, key=lambda folder: len(missing_files(folder)))
    missing = missing_files(folder)
    if not missing:
        return folder
    if len(missing) == 1 or drive_folder:
        raise UserError(
            f"Missing in {folder.absolute()}: {' and '.join(missing)}. Copy what is missing there"
            f"{', or clear DRIVE_FOLDER' if drive_folder else ''}; then choose Run all again."
        )
    if fetched := fetch_models(repository):
        return fetched
    raise UserError(
        "The trained network, fer.json and fer.h5, is neither here nor could it be fetched from a repository. Drag both"
        f" files into the list of files on the left (in Colab: the folder icon), so that they are in {Path.cwd()}, or"
        " make them with train_model.ipynb; then choose Run all again."
    )


def missing_files(folder: Path) -> list[str]:
    """Return which of the two model files are not in a folder."""
    return [name for name in ("fer.json", "fer.h5") if not (folder / name).is_file()]


def fetch_models(repository: str) -> Path | None:
    """Clone the repository of this notebook and return its folder with both model files; None if that fails.

    In Colab that is the repository that the notebook was opened from, at its branch if it has the files; else that of
    the address given, if any.
    """
    opened = opened_from_github() or ("", "")
    for address, branch in (opened, (opened[0], ""), (repository.strip(), "")):
        if address and not missing_files(models := clone(address, branch) / "models"):
            return models
    return None


def clone(address: str, branch: str) -> Path:
    """Clone the newest state of a branch, or the default one if empty, unless it is here; return where it should be."""
    folder = Path(re.sub(r"\W+", "-", f"{address.partition('://')[2]} {branch}").strip("-"))
    if not folder.exists():
        print(f"Fetching the network from {address}{f' ({branch})' if branch else ''} …")
        command = ["git", "clone", "--quiet", "--depth=1", *([f"--branch={branch}"] if branch else [])]
        without_prompt = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}  # never wait for a password
        with suppress(FileNotFoundError):  # of a machine without git
            subprocess.run([*command, "--", address, folder], capture_output=True, env=without_prompt)
    return folder


def opened_from_github() -> tuple[str, str] | None:
    """Return address and branch of the GitHub repository that Colab opened this notebook from; None if from elsewhere.

    Colab's own list of sessions names it (a notebook from Drive or an upload has another path there).
    """
    if not IN_COLAB:
        return None
    server = f"{os.environ.get('COLAB_JUPYTER_IP', '172.28.0.12')}:{os.environ.get('KMP_TARGET_PORT', '9000')}"
    try:
        sessions = requests.get(f"http://{server}/api/sessions", timeout=2).json()
        found = [GITHUB_NOTEBOOK.fullmatch(unquote(session["path"])) for session in sessions]
    except (requests.RequestException, ValueError, TypeError, KeyError):  # not there, slow, or another answer
        return None
    return next((match.groups() for match in found if match), None)
