"""Find the trained network: in Drive, beside the notebook, or in a clone of the repository."""

import os
import subprocess
from pathlib import Path

from fer.notebook.errors import UserError
from fer.notebook.front_end import mount_drive


def find_models(repository: str, drive_folder: str = "") -> Path:
    """Find the folder with fer.json and fer.h5: in Drive if asked for, here, or in a clone of the repository.

    drive_folder: a folder in the user's Google Drive such as "fer/models"; mounting asks for permission, so an empty
    one never does. Raises UserError that says how to bring the files.
    """
    if drive_folder:
        folders = [mount_drive(f"DRIVE_FOLDER is {drive_folder!r}") / drive_folder]
    else:
        folders = [Path("models"), Path()]
        if not any(has_models(folder) for folder in folders):
            folders.append(fetch_models(repository))
    for folder in folders:
        if has_models(folder):
            return folder
    tried = "" if drive_folder else f" nor could they be fetched from {repository}"
    raise UserError(
        f"fer.json and fer.h5 are not in {folders[0].absolute()}{tried}. "
        "Upload both files (in Colab: the folder icon on the left, then drag them in; in Jupyter: beside this "
        "notebook), or make them with train_model.ipynb. Then run this cell again."
    )


def fetch_models(repository: str) -> Path:
    """Clone the repository, if it is not here yet, and return its folder for models, which may not be there then."""
    clone = Path(repository.rstrip("/").rsplit("/", 1)[-1])
    if not has_models(clone / "models"):
        # Shallow: only the newest state is fetched. GIT_TERMINAL_PROMPT: never wait for a password.
        subprocess.run(
            ["git", "clone", "--quiet", "--depth", "1", repository, str(clone)],
            capture_output=True,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )
    return clone / "models"


def has_models(folder: Path) -> bool:
    """Tell whether both model files are in a folder."""
    return all((folder / name).is_file() for name in ("fer.json", "fer.h5"))
