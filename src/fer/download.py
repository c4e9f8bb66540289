"""Find the pictures on this machine, in Drive or at a web address, or download FER-2013 from Kaggle."""

import hashlib
from pathlib import Path

import kagglehub
import requests

from fer.environment import IN_COLAB, UserError, mount_drive, writing_to
from fer.progress import progress

KAGGLE_DATASET = "msambare/fer2013"  # needs no account
LONGEST_SILENCE = 30  # seconds
WAYS = f"""Three ways to bring it:
  1. connect to the internet and run this cell again;
  2. download kaggle.com/datasets/{KAGGLE_DATASET} by hand and type the path of the folder or of
     archive.zip into the field FER2013 (in Colab, upload it first: the folder icon on the left);
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
    print(f"There is no {csv}: downloading {KAGGLE_DATASET} from Kaggle …")
    try:
        return Path(kagglehub.dataset_download(KAGGLE_DATASET))
    except Exception as error:  # no network, no such host, a broken archive: for the user all the same
        raise UserError(f"FER-2013 could not be downloaded ({type(error).__name__}). {WAYS}") from None


def find_own(given: str, folder: Path) -> Path:
    """Return where the user's own pictures are: at a path, or in `folder`, to which they are downloaded as a zip."""
    ways = "Download it by hand and type its path into the field PICTURES."
    return find_given(given.strip().strip("\"'"), folder, "PICTURES", "your pictures", ways)


def find_given(given: str, folder: Path, field: str, what: str, ways: str) -> Path:
    """Return the path that was typed into a form field, or that of the download where an address was.

    A path in /content/drive opens Google Drive first. what, ways: for people, if it cannot be had. Raises UserError.
    """
    if given.startswith(("http://", "https://")):
        return download_file(given, folder, what, ways)
    if IN_COLAB and given.startswith("/content/drive") and not Path(given).exists():
        mount_drive(f"{field} is {given!r}")
    try:
        return Path(given).expanduser()
    except RuntimeError:  # ~nobody
        return Path(given)


def download_file(address: str, folder: Path, what: str = "FER-2013", ways: str = WAYS) -> Path:
    """Download a zip or a CSV into a folder, whole or not at all, and return its path; once is enough.

    what: it is, for people; ways: to have it otherwise. Raises UserError where it cannot be had or breaks off.
    """
    end = ".csv" if address.partition("?")[0].lower().endswith(".csv") else ".zip"
    target = folder / f"download-{hashlib.sha256(address.encode()).hexdigest()[:8]}{end}"
    if target.exists():
        return target
    unfinished = target.with_name(target.name + ".part")
    with writing_to(folder):
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
