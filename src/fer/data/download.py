"""Find the data on this machine, in Drive, at a web address or in an upload, or get FER-2013 from Kaggle."""

import os
import shutil
from pathlib import Path, PureWindowsPath

import kagglehub
import requests

from fer.notebook.errors import UserError, atomic_write, writable_folder
from fer.notebook.front_end import IN_COLAB, mount_drive
from fer.notebook.paths import sha256_hex
from fer.notebook.progress import progress

KAGGLE_DATASET = "msambare/fer2013"  # needs no account
SERVER_TIMEOUT = 30  # seconds without an answer
HOW_TO_GET_FER2013 = f"""Three ways to bring it:
  1. connect to the internet and run this cell again;
  2. download kaggle.com/datasets/{KAGGLE_DATASET} by hand and type the path of the folder or of
     archive.zip into the field FER2013 (in Colab, type upload there and choose it in the dialogue);
  3. do the same with the classic fer2013.csv, icml_face_data.csv or fer2013.tar.gz."""
HOW_TO_GET_PICTURES = "Download it by hand and type its path into the field PICTURES."


def find_fer2013(source: str, csv: Path) -> Path:
    """Return where FER-2013 is: as the field FER2013 says, else in the CSV of an earlier run, else from Kaggle.

    source: a path, a web address, `upload`, or empty. A path in /content/drive opens Google Drive first. Raises
    UserError with the ways to bring it when it is nowhere to be had.
    """
    if source:
        return locate_source(source, csv.parent, "FER2013", HOW_TO_GET_FER2013)
    if csv.is_file():
        return csv
    print(f"There is no {csv}: getting {KAGGLE_DATASET} from Kaggle …")
    try:
        os.environ["DISABLE_COLAB_CACHE"] = "true"  # for a copy of Colab's own kagglehub would wait without end
        return Path(kagglehub.dataset_download(KAGGLE_DATASET))
    except Exception as error:  # no network, no such host, a broken archive: for the user all the same
        raise UserError(f"FER-2013 could not be downloaded ({type(error).__name__}). {HOW_TO_GET_FER2013}") from None


def find_own_pictures(source: str, folder: Path) -> Path:
    """Return where the user's own pictures are: at a path, or in `folder`, to which they are downloaded as a zip."""
    return locate_source(source.strip().strip("\"'"), folder, "PICTURES", HOW_TO_GET_PICTURES)


def locate_source(source: str, folder: Path, field: str, instead: str) -> Path:
    """Return the path that a form field holds, or that of the download or upload which it asks for.

    A path in /content/drive opens Google Drive first. instead: for people, if it cannot be had. Raises UserError.
    """
    if source.startswith(("http://", "https://")):
        return download_file(source, folder, instead)
    if source == "upload":
        return upload_file(folder, field)
    if IN_COLAB and source.startswith("/content/drive") and not Path(source).exists():
        mount_drive(f"{field} is {source!r}")
    return Path(os.path.expanduser(source))  # noqa: PTH111 - which leaves ~nobody as it is


def upload_file(folder: Path, field: str) -> Path:
    """Ask for archives or tables in Colab's dialogue, keep them in a folder, and return its path; once is enough.

    field: that of the form which asked for it. Raises UserError outside Colab and where nothing is chosen.
    """
    kept = folder / f"upload-{field.lower()}"
    if kept.exists():
        print(f"Taking {kept}, which was uploaded before. Delete it to choose another.")
        return kept
    if not IN_COLAB:
        raise UserError(
            f"{field} is 'upload', which opens Colab's dialogue. Here, drag the zip into the list of files on the left"
            f" and type its name into the field {field}."
        )
    from google.colab import files

    chosen = files.upload()
    if not chosen:
        raise UserError("No file was chosen; one .zip or .csv is wanted, or several. Run this cell again.")
    with writable_folder(folder), atomic_write(kept) as unfinished:
        shutil.rmtree(unfinished, ignore_errors=True)  # of an upload that was cut off
        unfinished.mkdir()
        for name, content in chosen.items():
            (unfinished / PureWindowsPath(name).name).write_bytes(content)
    return kept


def download_file(address: str, folder: Path, instead: str) -> Path:
    """Download an archive or a table into a folder, whole or not at all, and return its path; once is enough.

    instead: how else to have it, for people. Raises UserError where it cannot be had or breaks off.
    """
    target = folder / f"download-{sha256_hex(address.encode())[:8]}"
    if target.exists():
        return target
    with writable_folder(folder), atomic_write(target) as path:
        try:
            stream_to_file(address, path)
        except requests.RequestException as error:  # no such host, a refusal, a line that is cut
            status = error.response.status_code if error.response is not None else type(error).__name__
            raise UserError(f"The download failed ({status}). {instead}") from None
    return target


def stream_to_file(address: str, path: Path) -> None:
    """Write what an address answers with to a file, with a progress bar; raises one of requests' errors."""
    with requests.get(address, stream=True, timeout=SERVER_TIMEOUT) as response, path.open("wb") as file:
        response.raise_for_status()
        size = int(response.headers.get("Content-Length", 0)) or None
        with progress(None, "Downloading", size, "bytes") as bar:
            for piece in response.iter_content(2**20):
                bar.update(file.write(piece))
