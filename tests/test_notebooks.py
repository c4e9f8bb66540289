"""Each notebook alone, with nothing of this repository beside it but models/, in a real kernel."""

import base64
import contextlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import HOPPER, ROOT, outside_pytest
from PIL import Image
from versions import complaints

from build import is_helper
from fer.expressions import EXPRESSIONS, FACE_COLUMNS
from fer.faces.detection import detect_thorough
from fer.recognition.recogniser import Recogniser
from run import set_form_fields


def alone(name: str, folder: Path, models: bool = True) -> Path:
    """Copy one notebook, and the models if wanted, to an empty folder."""
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / f"{name}.ipynb", folder)
    if models:
        (folder / "models").mkdir()
        for file in ("fer.json", "fer.h5", "SHA256SUMS"):
            shutil.copy(ROOT / "models" / file, folder / "models")
    return folder / f"{name}.ipynb"


def run(notebook: Path, **fields: object) -> subprocess.CompletedProcess:
    """Run it as `make` does; leaves ran.ipynb beside it."""
    settings = [part for name, value in fields.items() for part in ("--set", f"{name}={value!r}")]
    command = [
        sys.executable,
        str(ROOT / "src" / "run.py"),
        str(notebook),
        "--output",
        str(notebook.parent / "ran.ipynb"),
    ]
    return subprocess.run(
        [*command, *settings], cwd=notebook.parent, env=outside_pytest(), capture_output=True, text=True
    )


def pictures_in(notebook: Path) -> list[bytes]:
    cells = nbformat.read(notebook, as_version=4).cells
    data = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [base64.b64decode(d[kind]) for d in data for kind in ("image/png", "image/jpeg") if kind in d]


def test_the_first_result_of_via_image_is_near_and_its_cells_are_short():
    cells = nbformat.read(ROOT / "via_image.ipynb", as_version=4).cells
    story = [cell for cell in cells if "helpers" not in cell.metadata.get("tags", [])]
    start = next(i for i, cell in enumerate(story) if "(nothing to read here)" in cell.source)
    del story[start : start + 2]  # the folded section: its heading, and the cell between the helpers
    shows_picture = ["image/jpeg" in str(cell.get("outputs", "")) for cell in story]
    assert shows_picture.index(True) <= 6
    lengths = [len(cell.source.splitlines()) for cell in story if cell.cell_type == "code"]
    assert max(lengths) <= 45
    assert statistics.median(lengths) <= 10
    headings = [cell.source.splitlines()[0] for cell in story if cell.source.startswith("## ")]
    assert [heading.split()[1] for heading in headings] == [f"{number}." for number in range(1, len(headings) + 1)]


def saved_networks(folder: Path) -> list[Path]:
    """Return where networks are; one that is no better than the most frequent class, as after two epochs, is apart."""
    return [path.parent for path in (folder / "models").rglob("fer.json")]


def put_into_models(place: Path, folder: Path) -> None:
    """Use a network, as the notebook tells."""
    for file in ("fer.json", "fer.h5", "SHA256SUMS"):
        if place != folder / "models":
            shutil.copy(place / file, folder / "models")


def test_via_image_alone(tmp_path: Path):
    """Nobody can upload here, so it shows what it makes of its samples."""
    ran = run(alone("via_image", tmp_path / "empty"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert complaints(nbformat.read(tmp_path / "empty" / "ran.ipynb", as_version=4)) == ""
    assert "type its path into SOURCE" in ran.stdout
    assert re.search(r"grace_hopper.jpg +1 .*neutral", ran.stdout)
    assert re.search(r"astronaut.png +1 +happy", ran.stdout)
    results = tmp_path / "empty" / "results"
    pictures = [f"{name}.{kind}" for name in ("astronaut", "grace_hopper") for kind in ("csv", "png")]
    why = ["astronaut.why-1.png", "grace_hopper.why-1.png"]
    assert sorted(path.name for path in results.iterdir()) == sorted([*pictures, *why, "samples"])
    assert "portraits.zip, 9 files: 8 with faces, 0 without, 1 unreadable; 8 faces" in ran.stdout
    assert len(pd.read_csv(results / "samples" / "portraits" / "faces.csv")) == 8
    assert pd.read_csv(results / "samples" / "drifting" / "timeline.csv")["seconds"].max() == pytest.approx(4.8)
    assert "results/astronaut.png" in zipfile.ZipFile(tmp_path / "empty" / "results.zip").namelist()
    saved = pd.read_csv(results / "grace_hopper.csv")
    assert tuple(saved.columns) == (*FACE_COLUMNS, "uncertain", *EXPRESSIONS)
    expected = Recogniser.load(ROOT / "models").recognise(
        np.asarray(Image.open(HOPPER).convert("RGB")), detect_thorough, steady=True
    )
    assert saved.loc[0, "expression"] == expected.loc[0, "expression"]
    assert saved.loc[0, "confidence"] == pytest.approx(expected.loc[0, "confidence"], abs=2e-3)
    # Two portraits, the explanations of both, contact sheet and count of the zip, the timeline.
    assert len(pictures_in(tmp_path / "empty" / "ran.ipynb")) == 7


def test_via_webcam_alone_recognises_its_sample_where_a_program_runs_it(tmp_path: Path):
    ran = run(alone("via_webcam", tmp_path / "empty"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert "There is no page with a camera: here is the sample." in ran.stdout
    assert complaints(nbformat.read(tmp_path / "empty" / "ran.ipynb", as_version=4)) == ""
    assert re.search(r"seconds +face +x +y +width +height +angry", ran.stdout)
    assert len(pictures_in(tmp_path / "empty" / "ran.ipynb")) == 2  # the sample's last frame and its timeline
    [record] = (tmp_path / "empty" / "results").glob("webcam-*.csv")
    assert pd.read_csv(record)["face"].nunique() == 2


def test_the_cell_with_the_panel_needs_the_helpers_alone(tmp_path: Path, capsys: pytest.CaptureFixture):
    """And without them, it says what to do."""
    notebook = nbformat.read(alone("via_webcam", tmp_path / "empty"), as_version=4)
    set_form_fields(notebook, {"FILE": str(HOPPER)})
    [panel] = [cell.source for cell in notebook.cells if re.search("(?m)^ *show_camera_panel", cell.source)]
    helpers = [cell.source for cell in notebook.cells if is_helper(cell)]
    names = {"__name__": "__main__"}
    with contextlib.chdir(tmp_path / "empty"):
        for source in (panel, *helpers, "is_interactive = lambda: False", panel):
            exec(source, names)  # noqa: S102 - our own cells, as a kernel runs them
    said = "choose Runtime → Run all (JupyterLab: Run → Run All Cells)"
    assert re.search(rf"{re.escape(said)}.*\nNetwork: models \(angry", capsys.readouterr().out)
    assert len(names["session"].timeline) == 1


@pytest.mark.slow
def test_via_webcam_recognises_a_file_where_a_program_runs_it(tmp_path: Path):
    ran = run(alone("via_webcam", tmp_path / "empty"), FILE=str(HOPPER))
    assert ran.returncode == 0, ran.stderr
    assert "grace_hopper.jpg is recognised." in ran.stdout
    [record] = (tmp_path / "empty" / "results").glob("webcam-*.csv")
    assert len(pd.read_csv(record)) == 1


def test_train_model_alone_then_via_image_uses_its_network(kaggle_zip: Path, tmp_path: Path):
    folder = tmp_path / "empty"
    ran = run(alone("train_model", folder, models=False), FER2013=str(kaggle_zip), EPOCHS=2, TEACHERS=1)
    assert ran.returncode == 0, ran.stderr
    assert "Teacher 1 of 1:" in ran.stdout
    assert ran.stdout.count("Epoch   2/2") == 2
    assert "of FER-2013's 27,213 pictures. Is the download whole?" in ran.stdout
    assert "1 training pictures also occur in a test split," in ran.stdout
    assert "2 occur under two labels (0 of them both):" in ran.stdout
    assert "3 are left out.\n   200 training pictures remain." in ran.stdout
    assert "without the 1 whose copies were in Training: they are easier." in ran.stdout
    assert re.search(r"Estimated time: \d+\.\d hours", ran.stdout)
    made = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert "data/fer2013.csv" in made
    results = "results/modern-try"  # the figures of a quick try do not replace those of a whole run
    figures = {f"{results}/{name}.png" for name in ("acc-loss", "cnn-architecture", "confusion")}
    assert figures | {f"{results}/history.csv", f"{results}/metrics.json"} <= made
    history = pd.read_csv(folder / results / "history.csv")
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert len(history) == 2
    put_into_models(saved_networks(folder)[0], folder)
    shutil.copy(ROOT / "via_image.ipynb", folder)
    again = run(folder / "via_image.ipynb")
    assert again.returncode == 0, again.stderr
    shipped = pd.read_csv(ROOT / "results" / "grace_hopper.csv").loc[0, "confidence"]
    assert pd.read_csv(folder / "results" / "grace_hopper.csv").loc[0, "confidence"] != pytest.approx(shipped, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("start_from", ["scratch", "shipped network"])
def test_own_pictures_are_learnt_and_via_image_shows_their_classes(start_from: str, odd_folder: Path, tmp_path: Path):
    """Faces in folders of odd names, in a zip; afterwards the shipped network is still there."""
    notebook = alone("train_model", tmp_path / "empty")
    archive = shutil.make_archive(str(tmp_path / "own"), "zip", odd_folder.parent, odd_folder.name)
    ran = run(notebook, PICTURES=archive, START_FROM=start_from, EPOCHS=1, TEACHERS=0)
    assert ran.returncode == 0, ran.stderr
    assert "3 bad rows or files left out:" in ran.stdout
    assert "shows no face that can be found" in ran.stdout
    folder, classes = notebook.parent, ["<b>très $x$ heureux<∕b>", "class face", "鬼 or 😀"]
    results = folder / "results" / "own" / ("modern-try" if start_from == "scratch" else "fine-tuned-try")
    assert len(pd.read_csv(results / "problems.csv")) == 3
    metrics = json.loads((results / "metrics.json").read_text())
    assert list(metrics["validation"]["classes"]) == classes
    assert [path.name for path in (folder / "results").iterdir()] == ["own"]
    assert not (folder / "data" / "fer2013.csv").exists()
    shipped = (ROOT / "models" / "fer.h5").read_bytes()
    networks = saved_networks(folder)
    assert [(place / "fer.h5").read_bytes() == shipped for place in networks].count(True) == 1
    (own,) = [place for place in networks if (place / "fer.h5").read_bytes() != shipped]
    put_into_models(own, folder)
    shutil.copy(ROOT / "via_image.ipynb", folder)
    shown = run(folder / "via_image.ipynb")
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    saved = pd.read_csv(folder / "results" / "grace_hopper.csv")
    assert tuple(saved.columns) == (*FACE_COLUMNS, "uncertain", *classes)
    assert saved.loc[0, "expression"] in classes
    assert list(pd.read_csv(folder / "results" / "samples" / "drifting" / "timeline.csv").columns[-3:]) == classes
    html = [
        output.data.get("text/html", "")
        for cell in nbformat.read(folder / "ran.ipynb", 4).cells
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert any("&lt;b&gt;très" in table for table in html)
    assert not any("<b>très" in table for table in html)


@pytest.mark.slow
def test_the_original_network_cannot_start_from_the_shipped_one(tmp_path: Path):
    ran = run(alone("train_model", tmp_path / "empty"), NETWORK="original", START_FROM="shipped network")
    assert ran.returncode != 0
    assert "choose modern, or scratch" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_a_quick_try_of_original_with_duplicates_kept_and_exported(kaggle_zip: Path, tmp_path: Path):
    notebook = alone("train_model", tmp_path / "empty", models=False)
    fields = {"EPOCHS": 1, "NETWORK": "original", "QUICK_TRY": True, "KEEP_DUPLICATES": True, "EXPORT": True}
    ran = run(notebook, FER2013=str(kaggle_zip), **fields)
    assert ran.returncode == 0, ran.stderr
    assert "203 training pictures remain." in ran.stdout
    assert "A quick try with every fifth: 41 pictures." in ran.stdout
    exported = ["fer.onnx", "fer.tflite", "fer-int8.tflite"]
    (place,) = saved_networks(tmp_path / "empty")
    made = {path.name for path in place.iterdir()}
    assert made - {"runs"} == {"fer.json", "fer.h5", "SHA256SUMS", *exported}
    table = ran.stdout.partition("largest difference")[2].splitlines()
    assert [line.split()[0] for line in table[1:5]] == ["Keras", *exported]
    assert not re.search(r"WARNING|UserWarning|XNNPACK|[IWE]0000|fully_quantize", ran.stdout + ran.stderr)


def test_without_models_and_network_the_user_is_told_what_to_do(tmp_path: Path):
    ran = run(alone("via_image", tmp_path / "empty", models=False), REPOSITORY=str(tmp_path / "nowhere"))
    assert ran.returncode != 0
    assert "Drag both files into the list of files" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_models_come_from_a_clone_of_the_repository(tmp_path: Path):
    origin = alone("via_image", tmp_path / "origin").parent
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "models"]):
        subprocess.run([*git, *command], cwd=origin, check=True, capture_output=True)
    alone("via_image", tmp_path / "empty", models=False)
    ran = run(tmp_path / "empty" / "via_image.ipynb", REPOSITORY=origin.as_uri(), SOURCE=str(HOPPER))
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"grace_hopper.jpg +1 .*neutral", ran.stdout)
    # Whoever brings a photo sees it and why, and no samples.
    assert len(pictures_in(tmp_path / "empty" / "ran.ipynb")) == 2
    assert not (tmp_path / "empty" / "results" / "samples").exists()


def test_without_data_and_network_three_ways_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody answers there
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    ran = run(alone("train_model", tmp_path / "empty", models=False))
    assert ran.returncode != 0
    message = ran.stderr.partition("FER-2013 could not be downloaded")[2]
    assert all(f"\n  {number}. " in message for number in (1, 2, 3))
    assert "Traceback" not in ran.stderr
    assert len(message.splitlines()) < 10


OPENCV_5 = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "imported":
    import cv2
from fer.notebook.errors import UserError
from fer.notebook.setup import prepare_opencv
try:
    prepare_opencv()
    import cv2
    print("cascade", not cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml").empty())
except UserError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("state", "said"), [("imported", "Restart the runtime"), ("fresh", "cascade True")])
def test_opencv_5_is_exchanged(state: str, said: str, tmp_path: Path):
    """As on Colab: OpenCV 5 is installed, which has no Haar cascades."""
    python = tmp_path / "environment" / "bin" / "python"
    uv = [str(Path(sys.executable).with_name("uv"))]
    subprocess.run([*uv, "venv", "-q", "--seed", str(python.parents[1])], check=True)
    packages = ["opencv-python-headless==5.0.0.93", "numpy"]
    installed = subprocess.run([*uv, "pip", "install", "-q", "--python", str(python), *packages], capture_output=True)
    if installed.returncode:
        pytest.skip("no package registry at hand")
    command = [str(python), "-c", OPENCV_5, str(ROOT / "src"), state]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert said in ran.stdout, ran.stdout + ran.stderr
