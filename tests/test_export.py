"""The network in ONNX and LiteRT gives the answers that Keras gives."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pip
import pytest
from conftest import ROOT

from fer.faces.detection import crop_faces, detect_faces
from fer.media.pictures import to_grey
from fer.network.export import EXPORTED_FILES, check_exported, export_network, open_exported, open_onnx
from fer.network.files import load_network
from fer.notebook.errors import UserError, atomic_write


@pytest.fixture(scope="module")
def portraits(hopper: np.ndarray, collins: np.ndarray) -> np.ndarray:
    """The faces of the two portraits, bright and dim, as recognition crops them."""
    greys = [to_grey(image) for image in (hopper, collins)]
    faces = np.concatenate([crop_faces(grey, detect_faces(grey)) for grey in greys]).reshape(-1, 48, 48)
    return np.concatenate([faces, faces[:, :, ::-1], faces // 2, 20 + faces // 2])


@pytest.fixture(scope="module")
def folder(portraits: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed network, exported with faces that have neither black nor white, but contrast as FER-2013's have.

    (The black and the white pixel that are put into the first would stretch the range of a dull one too far.)
    """
    folder = tmp_path_factory.mktemp("exported")
    export_network(load_network(ROOT / "models"), portraits.clip(1, 254), folder)
    return folder


@pytest.mark.parametrize(("name", "most"), list(zip(EXPORTED_FILES, (1e-4, 1e-4, 0.15), strict=True)))
def test_portraits_get_the_answers_of_keras(name: str, most: float, folder: Path, portraits: np.ndarray, recogniser):
    classify = open_exported(folder / name)
    answers = np.concatenate([classify(face.reshape(1, 48, 48, 1)) for face in portraits])
    assert answers.shape == (len(portraits), 5)
    assert abs(answers - recogniser.classify(portraits)).max() < most
    assert answers.sum(axis=1) == pytest.approx(1, abs=0.02)


def test_int8_takes_the_grey_values_themselves_and_answers_in_256ths(folder: Path):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(folder / "fer-int8.tflite"))
    takes, gives = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert (takes["dtype"], takes["quantization"]) == (np.uint8, (1.0, 0))
    assert (gives["dtype"], gives["quantization"]) == (np.uint8, (1 / 256, 0))
    assert (folder / "fer-int8.tflite").stat().st_size < (folder / "fer.tflite").stat().st_size / 3


@pytest.mark.parametrize("count", [1, 7, 300])
def test_onnx_takes_any_number_of_faces(count: int, folder: Path, portraits: np.ndarray, recogniser):
    faces = np.resize(portraits, (count, 48, 48, 1))
    assert open_onnx(folder / "fer.onnx")(faces) == pytest.approx(recogniser.classify(faces), abs=1e-4)


def test_the_lines_of_the_notebook_work(folder: Path, portraits: np.ndarray, recogniser):
    from ai_edge_litert.interpreter import Interpreter

    face = portraits[:1, ..., None]
    expected = recogniser.classify(face)
    exact = Interpreter(str(folder / "fer.tflite")).get_signature_runner()
    assert exact(grey_face=face.astype(np.float32))["output_0"] == pytest.approx(expected, abs=1e-4)
    small = Interpreter(str(folder / "fer-int8.tflite")).get_signature_runner()
    assert small(grey_face=face)["output_0"] / 256 == pytest.approx(expected, abs=0.15)


@pytest.mark.slow
def test_on_fer2013_int8_loses_less_than_a_point(archive: Path, tmp_path: Path):
    from fer.data.fer2013 import read_fer2013

    pictures, _ = read_fer2013(archive)
    network = load_network(ROOT / "models")
    (tmp_path / "fer.h5").symlink_to(ROOT / "models" / "fer.h5")
    export_network(network, pictures.split("Training").images, tmp_path)
    validation = pictures.split("PublicTest")
    table = check_exported(network, tmp_path, validation.images, validation.labels)
    print(table.to_string())
    assert list(table.index) == ["Keras", *EXPORTED_FILES]
    assert table.loc["fer-int8.tflite", "points lost"] < 1
    assert abs(table.loc[["fer.onnx", "fer.tflite"], "points lost"]).max() == pytest.approx(0, abs=1e-6)
    assert (table["ms a face"] > 0.1).all()


def test_without_tensorflow_it_says_what_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = load_network(ROOT / "models")
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    with pytest.raises(UserError, match="Keras runs on jax: choose the BACKEND tensorflow"):
        export_network(network, np.zeros((1, 48, 48), np.uint8), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_pip_gives_a_sentence(tmp_path: Path):
    """In an environment that has pip and nothing else, and no network."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "pip").symlink_to(Path(pip.__file__).parent)
    script = "from fer.notebook.setup import prepare_exporters; prepare_exporters()"
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{tmp_path / 'packages'}", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    command = [str(tmp_path / "bare" / "bin" / "python"), "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert "Installing tf2onnx, onnxruntime, ai-edge-litert" in ran.stdout
    assert "UserError: pip could not install tf2onnx, onnxruntime, ai-edge-litert. Is there a network" in ran.stderr
    assert "No matching distribution found for tf2onnx" in ran.stderr


def test_an_export_that_is_killed_leaves_the_former_file(tmp_path: Path):
    (tmp_path / "fer.onnx").write_text("former")
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))  # who writes more into a file is killed
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with atomic_write(tmp_path / "fer.onnx") as path:
            path.write_bytes(bytes(3_000_000))
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGXFSZ
    assert (tmp_path / "fer.onnx").read_text() == "former"
