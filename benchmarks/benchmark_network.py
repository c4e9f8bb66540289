"""Time the committed network: one face, and a batch of 256, as `Recogniser.classify` runs them (compiled).

    python benchmarks/benchmark_network.py

Reported: milliseconds a face, the median of many calls.
"""

import statistics
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from fer.recognition import Recogniser


def milliseconds_a_face(recogniser: Recogniser, faces: int, repetitions: int) -> float:
    """Return the median time of one call, divided by the number of faces in it."""
    crops = np.random.default_rng(1).integers(0, 256, (faces, 48, 48), np.uint8)
    recogniser.classify(crops)
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        recogniser.classify(crops)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times) / faces


if __name__ == "__main__":
    recogniser = Recogniser.load(ROOT / "models")
    for faces, repetitions in ((1, 200), (256, 20)):
        print(f"{faces:3d} faces at a time: {milliseconds_a_face(recogniser, faces, repetitions):.2f} ms a face")
