"""Measure this project beside its peers, in one run: accuracy, faces found, speed, growth with the work.

    make benchmark FER2013=<zip of the Kaggle folder>

Writes results/benchmark.json, results/benchmark.png, and the tables in README.md and benchmarks/README.md; ends with
each goal and whether it was met. Without FER2013, accuracy is left out. `--write` writes figure and tables again.
"""

import json
import os
import platform
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import cv2

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
from accuracy import measure_accuracy, measure_faces
from face_photos import load_photos
from peers import EVERY, VERSIONS, make_environments
from report import documents, draw, goals
from speed import measure_growth, measure_speed

RESULTS = ROOT / "results" / "benchmark.json"


def measure(archive: Path | None) -> dict:
    """Measure everything, and return what results/benchmark.json holds."""
    lacking = make_environments()
    names = [name for name in EVERY if name not in lacking]
    photos = load_photos("report")
    with tempfile.TemporaryDirectory() as folder:
        print("Measuring takes some ten minutes", flush=True)
        measured = measure_speed(photos, names, Path(folder))
        growth = measure_growth(photos, Path(folder))
        measured |= measure_faces(photos, names, Path(folder))
        if archive is None:
            lacking["accuracy"] = "FER2013= names no zip of the data"
        else:
            measured["accuracy"] = measure_accuracy(archive, names, Path(folder))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, OpenCV {cv2.__version__}"
    return {
        "machine": f"{machine}, TensorFlow {version('tensorflow')}",
        "versions": VERSIONS,
        "lacking": lacking,
        "measured": measured,
        "growth": growth,
    }


def main(*arguments: str) -> None:
    """Measure, or take what was measured; write figure and tables; print goals."""
    if arguments != ("--write",):
        results = measure(Path(arguments[0]) if arguments else None)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    results = json.loads(RESULTS.read_text())
    draw(results).savefig(RESULTS.with_suffix(".png"), dpi=110)
    for path, text in documents(results).items():
        path.write_text(text)
    for name, reason in results["lacking"].items():
        print(f"Without {name}: {reason}")
    print(goals(results).round(2).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
