"""Run all three notebooks in environments of their own: the oldest, the newest and Colab's versions.

    python tests/versions.py                          all environments, all notebooks (make versions)
    python tests/versions.py oldest --only via_image  one environment, one notebook

Each notebook runs from top to bottom, in its environment's own kernel, in an empty folder: train_model on pictures
made on the spot (the committed network takes its place where it does not run), the others with the network that it
has just trained. A notebook is OK when it ran through and no line of it went to stderr: no warning, no traceback.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import nbformat
from conftest import HOPPER, ROOT, outside_pytest, write_kaggle_zip
from nbformat import NotebookNode

NOTEBOOKS = ("train_model", "via_image", "via_webcam")
UV = Path(sys.executable).with_name("uv")
TOLD = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "opencv-python-headless", "ipywidgets", "ipykernel")
# A warning of Python's, one of TensorFlow's own log (which is on standard output in a kernel), one of absl or XLA.
LOG_LINE = re.compile(r"WARNING|Warning:|Traceback|\wError:|^[IWEF]\d{4} |^\d{4}-\d\d-\d\d [\d:.]+: [IWEF] ")


class Environment(NamedTuple):
    """What to install: on which Python, with which of uv's options, and what on top without its dependencies."""

    python: str
    options: tuple[str, ...] = ()
    on_top: tuple[str, ...] = ()


ENVIRONMENTS = {
    "oldest": Environment("3.11", ("--resolution", "lowest-direct")),
    "newest": Environment("3.11"),
    "colab": Environment("3.13", ("-r", "tests/versions/colab.txt"), ("opencv-python==5.0.0.93",)),
}


class Run(NamedTuple):
    """What came of one notebook in one environment."""

    environment: str
    notebook: str
    versions: str
    seconds: float
    error: str  # empty: it ran through without a warning


def make_environment(name: str, folder: Path) -> Path:
    """Make an environment in a folder, afresh, and return its Python; raises CalledProcessError where uv fails."""
    wanted = ENVIRONMENTS[name]
    python = folder / "bin" / "python"
    subprocess.run([UV, "venv", "-q", "--clear", "--seed", "--python", find_python(wanted.python), folder], check=True)
    install = [UV, "pip", "install", "-q", "--python", python]
    requirements = ["-r", "requirements.txt", "-r", "tests/versions/tools.txt", *wanted.options]
    subprocess.run([*install, *requirements], cwd=ROOT, check=True)
    if wanted.on_top:
        subprocess.run([*install, "--no-deps", *wanted.on_top], check=True)
    return python


def find_python(version: str) -> str:
    """Name a Python of this version for uv, which finds all but pyenv's, and downloads one where it finds none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    return str(next(iter(sorted(pyenv.glob(f"versions/{version}.*/bin/python"))), version))


def versions_in(python: Path) -> str:
    """Tell an environment's Python and the versions that matter."""
    number = subprocess.check_output([python, "-c", "import platform; print(platform.python_version())"], text=True)
    listed = subprocess.check_output([UV, "pip", "list", "-q", "--format", "json", "--python", python], text=True)
    installed = {package["name"]: package["version"] for package in json.loads(listed)}
    return ", ".join([f"Python {number.strip()}", *(f"{name} {installed[name]}" for name in TOLD if name in installed)])


def run_alone(python: Path, notebook: str, folder: Path, models: Path, **fields: object) -> str:
    """Run one notebook in a folder with nothing beside it but models/; return what was wrong, or an empty text."""
    folder.mkdir(parents=True)
    shutil.copy(ROOT / f"{notebook}.ipynb", folder)
    if notebook != "train_model":
        (folder / "models").mkdir()
        for file in ("fer.json", "fer.h5", "SHA256SUMS"):
            shutil.copy(models / file, folder / "models")
    return run_in_kernel(python, folder / f"{notebook}.ipynb", **fields)


def run_in_kernel(python: Path, notebook: Path, **fields: object) -> str:
    """Run a notebook where it lies, with an environment's Python; return what was wrong, or an empty text."""
    settings = [part for name, value in fields.items() for part in ("--set", f"{name}={value!r}")]
    command = [python, ROOT / "src" / "run.py", notebook.name, "--output", "ran.ipynb", *settings]
    ran = subprocess.run(command, cwd=notebook.parent, env=outside_pytest(), capture_output=True, text=True)
    if ran.returncode:
        print(ran.stderr, file=sys.stderr)
        return re.sub(r"\x1b\[[0-9;]*m", "", ran.stderr).strip().rpartition("\n")[2] or f"exit code {ran.returncode}"
    return complaints(nbformat.read(notebook.with_name("ran.ipynb"), as_version=4))


def complaints(notebook: NotebookNode) -> str:
    """Return all lines that a notebook that ran through wrote to stderr, and log lines on its standard output."""
    streams = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "stream"
    ]
    lines = [(stream.name, line) for stream in streams for line in stream.text.splitlines() if line.strip()]
    return "\n".join(line for name, line in lines if name == "stderr" or LOG_LINE.search(line))


def run_all(name: str, python: Path, data: Path, notebooks: tuple[str, ...]) -> list[Run]:
    """Run notebooks in an environment, in a temporary folder."""
    runs, versions, trained = [], versions_in(python), ROOT / "models"
    with tempfile.TemporaryDirectory() as temporary:
        for notebook in notebooks:
            fields = {"FER2013": str(data), "EPOCHS": 1, "TEACHERS": 1} if notebook == "train_model" else {}
            fields |= {"SOURCE": str(HOPPER)} if notebook == "via_image" else {}
            start = time.perf_counter()
            error = run_alone(python, notebook, Path(temporary) / notebook, trained, **fields)
            runs.append(Run(name, notebook, versions, time.perf_counter() - start, error))
            print(f"{name:8} {notebook:12} {runs[-1].seconds:5.0f} s   {error or 'OK'}", flush=True)
            if notebook == "train_model" and not error:
                trained = Path(temporary) / notebook / "models"
    return runs


def table(runs: list[Run]) -> str:
    """Show the runs below their environments, each with the first line of its warnings, or the last of its error."""
    lines, shown = [], None
    for run in runs:
        if run.environment != shown:
            shown = run.environment
            lines.append(f"\n{shown}: {run.versions}")
        lines.append(f"    {run.notebook:12} {run.seconds:5.0f} s   {run.error.partition(chr(10))[0] or 'OK'}")
    return "\n".join(lines)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", nargs="*", metavar="environment", help=", ".join(ENVIRONMENTS))
    parser.add_argument("--only", choices=NOTEBOOKS, help="run this notebook alone")
    parser.add_argument("--keep", action="store_true", help="use environments that are there as they are")
    options = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "made.zip"
        write_kaggle_zip(data)
        for name in options.environments or ENVIRONMENTS:
            folder = ROOT / ".venvs" / name
            python = folder / "bin" / "python"
            if not (options.keep and python.exists()):
                make_environment(name, folder)
            runs += run_all(name, python, data, (options.only,) if options.only else NOTEBOOKS)
    print(table(runs))
    sys.exit(any(run.error for run in runs))


if __name__ == "__main__":
    main()
