"""Time the reading of FER-2013: this project beside the obvious way, on the same pictures, in one run.

    python benchmarks/benchmark_dataset.py ../shared/fer2013/archive.zip [how many pictures]

Reported: seconds of computing time and their ratio, for the conversion to CSV and for the loading of the CSV.
"""

import contextlib
import io
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from fer.data.fer2013 import DROPPED_EXPRESSIONS, read_fer2013, write_csv


def convert_obviously(folder: Path, csv: Path) -> None:
    """Read picture by picture, write strings with pandas."""
    rows = []
    for path in sorted(folder.rglob("*.jpg")):
        if path.parent.name not in DROPPED_EXPRESSIONS:
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            rows.append((path.parent.name, " ".join(str(value) for value in image.ravel()), path.name.split("_")[0]))
    pd.DataFrame(rows, columns=["emotion", "pixels", "Usage"]).to_csv(csv, index=False)


def load_obviously(csv: Path) -> np.ndarray:
    """Parse number by number."""
    pixels = pd.read_csv(csv)["pixels"]
    return np.stack([np.array(list(map(int, text.split())), dtype=np.uint8).reshape(48, 48) for text in pixels])


def seconds(call: Callable[[], object]) -> float:
    """Return the computing time of the shorter of two runs, without their progress bars."""
    times = []
    for _ in range(2):
        start = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            call()
        times.append(time.process_time() - start)
    return min(times)


def main(archive: str, most: str = "1000000") -> dict[str, float]:
    """Print and return how many times as fast as the obvious way conversion and loading are."""
    with tempfile.TemporaryDirectory() as temporary:
        sample, folder, theirs, ours = (Path(temporary) / name for name in ("a.zip", "a", "obvious.csv", "ours.csv"))
        with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(sample, "w", zipfile.ZIP_DEFLATED) as part:
            names = [name for name in sorted(whole.namelist()) if name.endswith(".jpg")]
            for name in names[:: max(1, len(names) // int(most))]:
                part.writestr(name, whole.read(name))
            part.extractall(folder)
        convert = seconds(lambda: write_csv(read_fer2013(sample)[0], ours))
        convert_slowly = seconds(lambda: convert_obviously(folder, theirs))
        load, load_slowly = seconds(lambda: read_fer2013(ours)), seconds(lambda: load_obviously(theirs))
        if sorted(ours.read_text().splitlines()) != sorted(theirs.read_text().splitlines()):
            raise ValueError("the two CSVs differ")
    for name, fast, slow in (("convert", convert, convert_slowly), ("load", load, load_slowly)):
        print(f"{name:8} ours {fast:6.2f} s   obvious {slow:6.2f} s   {slow / fast:4.1f} times as fast")
    return {"convert": convert_slowly / convert, "load": load_slowly / load}


if __name__ == "__main__":
    main(*sys.argv[1:])
