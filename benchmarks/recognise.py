"""Measure this project beside `fer` from PyPI, and beside what it cannot do without: detector and network alone.

    make benchmark

One run, the same pictures, taking turns (of 13 frames where there are many), so that what else the machine does hits
all alike. `fer` runs in an environment of its own (.venv-fer) and in a process of its own, with its defaults: Haar
cascade at full size, quantised network. Writes results/speed.json and results/speed.png.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
from face_photos import Photo, load_photos, matches

import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.faces.cascades import load_cascade, run_cascade
from fer.faces.detection import crop_faces, detect_close_up, detect_faces
from fer.faces.tracking import BOX_COLUMNS, redetect_faces
from fer.media.pictures import to_grey
from fer.recognition import Recogniser

FER_PYTHON = ROOT / ".venv-fer" / "bin" / "python"
FRAME = (640, 480)  # width, height
LARGE = (4000, 3000)
# Frames after which it is the other's turn. Frame by frame, each would find the processor's caches full of the other's
# data and its threads still awake, as for no user: a frame of ours then takes 3 ms longer, one of fer's 5.
AT_A_TIME = 13
# Both packages are named fer: by PYTHONPATH, "ours" and "floor" get that of src/, and "fer" that of .venv-fer.
ORDERS = {  # what a fresh process is told; it prints a line when it is done
    "ours": """
import fer.notebook.setup
from fer.recognition import Recogniser
import numpy as np
print(len(Recogniser.load("models").recognise(np.load({picture!r}))), flush=True)
""",
    "floor": """
import fer.notebook.setup
import tensorflow
from fer.network.files import load_network
from pathlib import Path
print(load_network(Path("models")).name, flush=True)
""",
    "fer": """
from fer.fer import FER
import numpy as np
print(len(FER().detect_emotions(np.load({picture!r}))), flush=True)
""",
}

# Not resource.getrusage: its peak includes that of the process that started this one.
PEAK = "print(int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024)"
FER_NETWORK = ("emotion_model_quantized.tflite",)


class Still(NamedTuple):
    """A frame with one face."""

    image: np.ndarray  # (480, 640, 3) RGB uint8
    face: np.ndarray  # (4,) x, y, width, height


class Rival:
    """The package `fer` in a process of its own; see recognise_fer.py."""

    def __init__(self, pictures: dict[str, np.ndarray], folder: Path) -> None:
        self.paths = {name: folder / f"{name}.npy" for name in pictures}
        for name, values in pictures.items():
            np.save(self.paths[name], values)
        script = Path(__file__).with_name("recognise_fer.py")
        self.process = subprocess.Popen(
            [FER_PYTHON, "-W", "ignore", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, name: str, index: int = 0, what: str = "detect") -> dict:
        """Have one picture of a set recognised; return the answer: milliseconds, boxes, megabytes."""
        order = {"pictures": str(self.paths[name]), "index": index, "what": what}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def stills(photos: list[Photo]) -> list[Still]:
    """Fit every photo with a single face into a frame, grey around it."""
    made = []
    for photo in photos:
        if len(photo.faces) == 1 and photo.counts.all():
            scale = min(FRAME[0] / photo.image.width, FRAME[1] / photo.image.height)
            size = (round(photo.image.width * scale), round(photo.image.height * scale))
            left, top = (FRAME[0] - size[0]) // 2, (FRAME[1] - size[1]) // 2
            canvas = Image.new("RGB", FRAME, "gray")
            canvas.paste(photo.image.resize(size, Image.Resampling.LANCZOS), (left, top))
            made.append(Still(np.asarray(canvas), photo.faces[0] * scale + (left, top, 0, 0)))
    return made


def large_photo(frames: list[Still]) -> np.ndarray:
    """Lay six frames out on a photo of 12 megapixels: (3000, 4000, 3) RGB uint8."""
    canvas = Image.new("RGB", LARGE, "gray")
    for index, frame in enumerate(frames[:6]):
        tile = Image.fromarray(frame.image).resize((1333, 1000), Image.Resampling.BICUBIC)
        canvas.paste(tile, (1333 * (index % 3), 400 + 1100 * (index // 3)))
    return np.asarray(canvas)


def stream(still: Still, frames: int) -> np.ndarray:
    """Let a still drift to and fro by up to 40 pixels, as somebody in front of a camera: (n, 480, 640, 3) uint8."""
    shifts = np.rint(40 * np.sin(np.arange(frames) / 8)).astype(int)
    return np.stack([np.roll(still.image, (shift // 3, shift), axis=(0, 1)) for shift in shifts])


def turns(frames: int) -> list[range]:
    """Divide frames among turns."""
    return [range(first, min(first + AT_A_TIME, frames)) for first in range(0, frames, AT_A_TIME)]


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the milliseconds that a piece of work takes, and its result."""
    start = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - start), result


def summary(times: list[float]) -> dict[str, float]:
    """Return median, 95th percentile and mean."""
    median, most = np.percentile(times, (50, 95))
    return {"p50": float(median), "p95": float(most), "mean": float(np.mean(times))}


def cascades_of(grey: np.ndarray) -> list[Callable[[], object]]:
    """Return what `detect_faces` cannot do without: its calls of cascades for a picture, to be repeated by themselves.

    That is little more than one over the small picture where a close-up is enough, and several where it is not.
    """
    calls: list[Callable[[], object]] = []

    def note(name: str, searched: np.ndarray, factor: float, smallest: int, largest: int | None = None) -> np.ndarray:
        sizes = ((smallest,) * 2, (largest,) * 2) if largest else ((smallest,) * 2,)
        calls.append(partial(load_cascade(name).detectMultiScale2, searched.copy(), factor, 1, 0, *sizes))
        return run_cascade(name, searched, factor, smallest, largest)

    with patch("fer.faces.detection.run_cascade", note):
        detect_faces(grey)
    return calls


def run_all(calls: list[Callable[[], object]]) -> None:
    """Make some calls one after the other."""
    for call in calls:
        call()


def measure_stills(recogniser: Recogniser, frames: list[Still], other: Rival, rounds: int) -> dict:
    """Time single frames: ours, fer, and the floor (the cascades that the frame takes, and one forward pass).

    Of ours and the floor's two parts, each comes first in its turn: whatever does warms the caches for the others.
    """
    times = {name: [] for name in ("ours", "detector", "network", "fer")}
    found = {"ours": 0, "fer": 0}
    cascades = [cascades_of(to_grey(frame.image)) for frame in frames]
    for lap, part in product(range(rounds + 1), turns(len(frames))):
        answers = [other.ask("stills", number) for number in part]
        for number, answer in zip(part, answers, strict=True):
            frame = frames[number]
            crops = crop_faces(to_grey(frame.image), frame.face[None].astype(int))
            works = {
                "ours": partial(recogniser.recognise, frame.image),
                "detector": partial(run_all, cascades[number]),
                "network": partial(recogniser.classify, crops),
            }
            first = (lap + number) % len(works)
            results = {name: timed(works[name]) for name in (*list(works)[first:], *list(works)[:first])}
            if lap == 0:  # the first round warms everything up; it tells who finds what
                found["ours"] += matches(results["ours"][1][BOX_COLUMNS].to_numpy(), frame.face[None]).any()
                found["fer"] += matches(np.array(answer["boxes"]), frame.face[None]).any()
                continue
            times["fer"].append(answer["milliseconds"])
            for name, (milliseconds, _) in results.items():
                times[name].append(milliseconds)
    floor = np.add(times["detector"], times["network"])
    recall = {name: int(count) / len(frames) for name, count in found.items()}
    return {
        **{name: summary(values) for name, values in times.items()},
        "floor": summary(floor.tolist()),
        "at_a_glance": sum(len(detect_close_up(to_grey(frame.image))) > 0 for frame in frames) / len(frames),
        "recall": recall,
    }


def measure_stream(recogniser: Recogniser, frames: np.ndarray, other: Rival) -> dict:
    """Time frames of a stream; ours looks where the faces were in the frame before, fer cannot."""
    times = {"ours": [], "fer": []}
    boxes = detect_faces(to_grey(frames[0]))
    for part in turns(len(frames)):
        times["fer"] += [other.ask("stream", number)["milliseconds"] for number in part]
        for number in part:
            find = partial(redetect_faces, former=boxes)
            milliseconds, table = timed(partial(recogniser.recognise, frames[number], find))
            boxes = table[BOX_COLUMNS].to_numpy()
            times["ours"].append(milliseconds)
    return {name: summary(values[1:]) for name, values in times.items()}


def measure_large(recogniser: Recogniser, photo: np.ndarray, other: Rival, rounds: int) -> dict:
    """Time a photo of 12 megapixels; plain: OpenCV's default cascade over all of it alone."""
    times = {"ours": [], "plain": [], "fer": []}
    plain = partial(load_cascade("frontalface_default").detectMultiScale, to_grey(photo), 1.1, 5)
    for _ in range(rounds + 1):
        times["ours"].append(timed(partial(recogniser.recognise, photo))[0])
        times["plain"].append(timed(plain)[0])
        times["fer"].append(other.ask("large")["milliseconds"])
    return {name: summary(values[1:]) for name, values in times.items()}


def measure_batch(recogniser: Recogniser, crops: int, other: Rival, rounds: int) -> dict:
    """Return faces a second in a batch of noise; fer's network takes 64x64, from -1 to 1."""
    noise = np.random.default_rng(1).integers(0, 256, (crops, 48, 48), np.uint8)
    times = {"ours": [], "fer": []}
    for _ in range(rounds + 1):
        times["ours"].append(timed(partial(recogniser.classify, noise))[0])
        times["fer"].append(other.ask("crops", what="classify")["milliseconds"])
    return {name: 1000 * crops / float(np.median(values[1:])) for name, values in times.items()}


def measure_start(picture: Path, rounds: int) -> dict:
    """Return seconds from the start of a process to its first result (floor: to the network being loaded)."""
    seconds = {name: [] for name in ORDERS}
    for turn in range(rounds + 1):  # the first round fills the file cache
        for name, order in ORDERS.items():
            python = FER_PYTHON if name == "fer" else sys.executable
            start = time.perf_counter()
            process = subprocess.Popen(
                [python, "-W", "ignore", "-c", order.format(picture=str(picture))],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": "" if name == "fer" else str(ROOT / "src")},
            )
            if not process.stdout.readline():
                raise RuntimeError(f"{name} gave no result")
            if turn:
                seconds[name].append(time.perf_counter() - start)
            process.communicate()
    return {name: float(np.median(values)) for name, values in seconds.items()}


def measure_memory(picture: Path) -> float:
    """Return the peak memory in MB of a fresh process that recognises one picture."""
    order = ORDERS["ours"].format(picture=str(picture)) + PEAK
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", order]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    return float(result.stdout.split()[-1])


def size_on_disk(folder: Path, names: tuple[str, ...]) -> float:
    """Return the size in MB of some files of a folder."""
    return sum((folder / name).stat().st_size for name in names) / 1e6


def measure(photos: list[Photo], rounds: int = 3, crops: int = 1000) -> dict:
    """Measure everything, and return what results/speed.json holds."""
    frames = stills(photos)
    pictures = {
        "stills": np.stack([frame.image for frame in frames]),
        "large": large_photo(frames)[None],
        "stream": stream(frames[0], 60),
        "crops": np.random.default_rng(1).uniform(-1, 1, (crops, 64, 64)).astype(np.float32),
    }
    recogniser = Recogniser.load(ROOT / "models")
    with tempfile.TemporaryDirectory() as folder:
        other = Rival(pictures, Path(folder))
        first, large = Path(folder) / "first.npy", Path(folder) / "one.npy"
        np.save(first, frames[0].image)
        np.save(large, pictures["large"][0])
        results = {
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, OpenCV {cv2.__version__}, "
            f"TensorFlow {version('tensorflow')}, fer 25.10.3",
            "frames": len(frames),
            "still_ms": measure_stills(recogniser, frames, other, rounds),
            "stream_ms": measure_stream(recogniser, pictures["stream"], other),
            "large_ms": measure_large(recogniser, pictures["large"][0], other, rounds),
            "faces_a_second": measure_batch(recogniser, crops, other, rounds),
            "start_s": measure_start(first, 5),
            "peak_mb": {"ours": measure_memory(large), "fer": other.ask("large")["megabytes"]},
            "network_mb": {
                "ours": size_on_disk(ROOT / "models", ("fer.json", "fer.h5")),
                "fer": size_on_disk(next(ROOT.glob(".venv-fer/lib/python*/site-packages/fer/data")), FER_NETWORK),
            },
        }
        other.process.communicate()
    return results


def goals(results: dict) -> pd.DataFrame:
    """Return what was measured beside what was aimed at; of times, the means: many frames take their sum.

    One row a goal, with the columns measured, is to be (at least or at most), goal and met.
    """
    still, stream, large, start = (results[what] for what in ("still_ms", "stream_ms", "large_ms", "start_s"))
    ours, floor = still["ours"]["mean"], still["floor"]["mean"]
    rows = [
        ("frames a second of stills, times fer's", still["fer"]["mean"] / ours, "at least", 3),
        ("frames a second of a stream, times fer's", stream["fer"]["mean"] / stream["ours"]["mean"], "at least", 8),
        ("faces found in stills, times fer's", still["recall"]["ours"] / still["recall"]["fer"], "at least", 1),
        ("a still, times its cascades and one forward pass", ours / floor, "at most", 1.3),
        (
            "a photo of 12 megapixels, times the default cascade",
            large["ours"]["mean"] / large["plain"]["mean"],
            "at most",
            1.5,
        ),
        ("first result, times TensorFlow and the network loaded", start["ours"] / start["floor"], "at most", 1.3),
    ]
    table = pd.DataFrame(rows, columns=["what", "measured", "is to be", "goal"]).set_index("what")
    short, over = table.measured < table.goal, table.measured > table.goal
    return table.assign(met=~np.where(table["is to be"] == "at least", short, over))


def draw(results: dict) -> plt.Figure:
    """Draw milliseconds a frame (smaller is better), medians with a line to the 95th percentile."""
    rows = [
        ("still 640×480: fer", results["still_ms"]["fer"], "0.6"),
        ("still 640×480: this project", results["still_ms"]["ours"], "#0072B2"),
        ("its cascades and one forward pass alone", results["still_ms"]["floor"], "0.85"),
        ("stream 640×480: fer", results["stream_ms"]["fer"], "0.6"),
        ("stream 640×480: this project", results["stream_ms"]["ours"], "#0072B2"),
    ]
    figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
    for row, (_, times, colour) in enumerate(rows):
        axes.barh(row, times["p50"], color=colour)
        axes.plot([times["p50"], times["p95"]], [row, row], color="0.2", linewidth=1)
        axes.text(times["p95"], row, f"  {times['p50']:.0f} / {times['p95']:.0f} ms", va="center")
    axes.set_yticks(range(len(rows)), [label for label, _, _ in rows])
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds a frame, median (bar) and 95th percentile (line)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.18)
    return figure


if __name__ == "__main__":
    measured = measure(load_photos("report"))
    (ROOT / "results" / "speed.json").write_text(json.dumps(measured, indent=1) + "\n")
    draw(measured).savefig(ROOT / "results" / "speed.png", dpi=110)
    print(goals(measured).round(2).to_string())
