"""A small part of `make versions`: the oldest packages that requirements.txt admits read a photo and a video."""

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from conftest import HOPPER, ROOT
from nbformat.v4 import new_code_cell, new_notebook, new_output
from versions import (
    NOTEBOOKS,
    Run,
    complaints,
    find_python,
    make_environment,
    run_alone,
    run_in_kernel,
    table,
    versions_in,
)


@pytest.mark.slow
def test_via_image_runs_with_the_oldest_packages(tmp_path: Path):
    try:
        python = make_environment("oldest", tmp_path / "environment")
    except subprocess.CalledProcessError as error:
        if error.returncode != 2:  # 1 says that the versions do not go together
            raise
        pytest.skip("no package registry at hand, or no Python 3.11")
    assert "pandas 2.2." in versions_in(python)
    assert run_alone(python, "via_image", tmp_path / "empty", ROOT / "models", SOURCE=str(HOPPER)) == ""


def test_a_warning_is_a_complaint_and_progress_is_none():
    def printed(name: str, text: str) -> str:
        output = new_output("stream", name=name, text=text)
        return complaints(new_notebook(cells=[new_code_cell(outputs=[output])]))

    assert printed("stdout", "Reading: 100%\nExpected calibration error: 3%\n") == ""
    assert printed("stdout", "x.py:1: UserWarning: old\n") == "x.py:1: UserWarning: old"
    assert printed("stderr", "anything\n") == "anything"
    retracing = "WARNING:tensorflow:5 out of the last 5 calls to <function> triggered tf.function retracing."
    compiled = "I0000 00:00:1795765308.920780   20948 device_compiler.h:196] Compiled cluster using XLA!"
    old = "2026-11-27 07:41:46.158538: I external/local_xla/xla/service/service.cc:163] XLA service initialized"
    for line in (retracing, compiled, old):
        assert printed("stdout", f"Epoch 1\n{line}\nEpoch 2\n") == line


def test_what_a_library_writes_past_python_is_a_complaint(tmp_path: Path):
    notebook = new_notebook(
        cells=[new_code_cell("import os; os.write(2, b'I0000 xla.cc] compiled\\n'); print('fine')")]
    )
    nbformat.write(notebook, tmp_path / "made.ipynb")
    assert run_in_kernel(Path(sys.executable), tmp_path / "made.ipynb") == "I0000 xla.cc] compiled"


def test_table_names_versions_once_and_shows_errors_by_a_line():
    runs = [Run("oldest", "via_image", "Python 3.11.7", 12.3, ""), Run("oldest", "via_webcam", "", 4.0, "bad\nworse")]
    assert table(runs).splitlines() == [
        "",
        "oldest: Python 3.11.7",
        "    via_image       12 s   OK",
        "    via_webcam       4 s   bad",
    ]


def test_python_of_pyenv_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    python = tmp_path / "versions" / "3.13.0" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert find_python("3.13") == str(python)
    assert find_python("3.11") == "3.11"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_committed_outputs_hold_no_warning(name: str):
    assert complaints(nbformat.read(ROOT / f"{name}.ipynb", as_version=4)) == ""
