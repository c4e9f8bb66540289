"""Answer `recognise.py` for the package `fer`: runs in an environment of its own, as a process of its own.

Each line on standard input is an order in JSON, each line on standard output its answer.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from fer.fer import FER


def main() -> None:
    """Carry out orders until the input ends."""
    recogniser = FER()  # its default: Haar cascade, quantised network
    for line in sys.stdin:
        order = json.loads(line)
        pictures = np.load(order["pictures"])
        start = time.perf_counter()
        if order["what"] == "classify":
            found = recogniser._classify_emotions(pictures)
            boxes = []
        else:
            found = recogniser.detect_emotions(pictures[order["index"]])
            boxes = [[int(value) for value in face["box"]] for face in found]
        milliseconds = 1000 * (time.perf_counter() - start)
        # Not resource.getrusage: its peak includes that of the process that started this one.
        megabytes = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        print(json.dumps({"milliseconds": milliseconds, "boxes": boxes, "megabytes": megabytes}), flush=True)


if __name__ == "__main__":
    main()
