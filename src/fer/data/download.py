"""Find the pictures on this machine, in Drive, at a web address or in an upload, or get FER-2013 from Kaggle."""

import hashlib
import os
import threading
from concurrent.futures import Future
from pathlib import Path

import kagglehub
import requests

from fer.notebook.errors import UserError, writable_folder
from fer.notebook.front_end import IN_COLAB, mount_drive
from fer.notebook.progress import progress

KAGGLE_DATASET = "msambare/fer2013"  # needs no account
LONGEST_SILENCE = 30  # seconds
COLAB_CACHE = "TBE_RUNTIME_ADDR"  # set where Colab has copies of Kaggle's data at hand
LONGEST_WAIT = 180  # seconds for such a copy to appear; kagglehub itself would wait for ever
WAYS = f"""Three ways to bring it:
  1. connect to the internet and run this cell again;
  2. download kaggle.com/datasets/{KAGGLE_DATASET} by hand and type the path of the folder or of
     archive.zip into the field FER2013 (in Colab, type upload there and choose it in the dialogue);
  3. do the same with the classic fer2013.csv or icml_face_data.csv."""


def find_fer2013(given: str, csv: Path) -> Path:
    """Return where FER-2013 is: at the path or address given, else in the CSV of an earlier run, else from Kaggle.

    A path in /content/drive opens Google Drive first. Raises UserError with the ways to bring it when it is nowhere to
    be had.
    """
    if given:
        return find_given(given, csv.parent, "FER2013", "FER-2013", WAYS)
    if csv.is_file():
        return csv
    print(f"There is no {csv}: getting {KAGGLE_DATASET} from Kaggle …")
    try:
        return download_from_kaggle(LONGEST_WAIT if COLAB_CACHE in os.environ else None)
    except Exception as error:  # no network, no such host, a broken archive: for the user all the same
        raise UserError(f"FER-2013 could not be downloaded ({type(error).__name__}). {WAYS}") from None


def download_from_kaggle(longest_wait: float | None) -> Path:
    """Return the folder of FER-2013, from Colab's copy where there is one; raises whatever kagglehub raises.

    longest_wait: seconds, after which Colab's copy is given up and Kaggle itself is asked; None: as long as it takes.
    """
    answer: Future[str] = Future()

    def download() -> None:
        try:
            answer.set_result(kagglehub.dataset_download(KAGGLE_DATASET))
        except Exception as error:
            answer.set_exception(error)

    threading.Thread(target=download, daemon=True).start()  # one that waits for ever dies with the kernel
    try:
        return Path(answer.result(longest_wait))
    except TimeoutError:
        if answer.done():  # it was kagglehub's own
            raise
        print("Colab's copy of it does not come: downloading …")
        os.environ["DISABLE_COLAB_CACHE"] = "true"
        return Path(kagglehub.dataset_download(KAGGLE_DATASET))


def find_own_pictures(given: str, folder: Path) -> Path:
    """Return where the user's own pictures are: at a path, or in `folder`, to which they are downloaded as a zip."""
    ways = "Download it by hand and type its path into the field PICTURES."
    return find_given(given.strip().strip("\"'"), folder, "PICTURES", "your pictures", ways)


def find_given(given: str, folder: Path, field: str, what: str, ways: str) -> Path:
    """Return the path that was typed into a form field, or that of the download or upload that was asked for there.

    A path in /content/drive opens Google Drive first. what, ways: for people, if it cannot be had. Raises UserError.
    """
    if given.startswith(("http://", "https://")):
        return download_file(given, folder, what, ways)
    if given == "upload":
        return upload_file(folder, field)
    if IN_COLAB and given.startswith("/content/drive") and not Path(given).exists():
        mount_drive(f"{field} is {given!r}")
    try:
        return Path(given).expanduser()
    except RuntimeError:  # ~nobody
        return Path(given)


def upload_file(folder: Path, field: str) -> Path:
    """Ask for a zip or a CSV in Colab's dialogue, keep it in a folder, and return its path; once is enough.

    field: that of the form which asked for it. Raises UserError outside Colab and unless one such file is chosen.
    """
    kept = [path for path in (folder / f"upload-{field.lower()}{end}" for end in (".zip", ".csv")) if path.exists()]
    if kept:
        print(f"Taking {kept[0]}, which was uploaded before. Delete it to choose another.")
        return kept[0]
    if not IN_COLAB:
        raise UserError(
            f"{field} is 'upload', which opens Colab's dialogue. Here, drag the zip into the list of files on the left"
            f" and type its name into the field {field}."
        )
    from google.colab import files

    chosen = files.upload()
    names = [Path(name) for name in chosen]
    if len(names) != 1 or names[0].suffix.lower() not in (".zip", ".csv"):
        raise UserError(f"{len(names)} files were chosen; one .zip or .csv is wanted. Run this cell again.")
    target = folder / f"upload-{field.lower()}{names[0].suffix.lower()}"
    unfinished = target.with_name(target.name + ".part")
    with writable_folder(folder):
        unfinished.write_bytes(chosen.popitem()[1])
        unfinished.replace(target)
    return target


def download_file(address: str, folder: Path, what: str = "FER-2013", ways: str = WAYS) -> Path:
    """Download a zip or a CSV into a folder, whole or not at all, and return its path; once is enough.

    what: it is, for people; ways: to have it otherwise. Raises UserError where it cannot be had or breaks off.
    """
    end = ".csv" if address.partition("?")[0].lower().endswith(".csv") else ".zip"
    target = folder / f"download-{hashlib.sha256(address.encode()).hexdigest()[:8]}{end}"
    if target.exists():
        return target
    unfinished = target.with_name(target.name + ".part")
    with writable_folder(folder):
        try:
            expected = stream_to(unfinished, address, what)
        except requests.RequestException as error:  # no such host, a refusal, a line that is cut
            status = error.response.status_code if error.response is not None else type(error).__name__
            raise UserError(f"The download of {what} failed ({status}). {ways}") from None
    size = unfinished.stat().st_size
    if size < expected:
        raise UserError(f"The download broke off after {size:,} of {expected:,} bytes. {ways}")
    unfinished.replace(target)
    return target


def stream_to(file: Path, address: str, what: str) -> int:
    """Write what an address answers with to a file, with a progress bar; return how many bytes it promised, or 0."""
    with requests.get(address, stream=True, timeout=LONGEST_SILENCE) as answer, file.open("wb") as target:
        answer.raise_for_status()
        expected = int(answer.headers.get("Content-Length", 0))
        with progress(None, f"Downloading {what}", expected or None, "bytes") as bar:
            for piece in answer.iter_content(2**20):
                bar.update(target.write(piece))
    return expected
