"""What the programs name FER-2013's crops, and which faces they find and invent; two programs at a time."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from face_photos import Photo
from find_faces import find_plain, judge
from peers import BLAZEFACES, RECOGNISERS, ROOT, Peer

from fer.data.fer2013 import read_fer2013


def ask_all(names: list[str], work: Callable[[Peer], dict | float]) -> dict:
    """Do some work with each program."""

    def ask(name: str) -> dict | float:
        with Peer(name) as peer:
            return work(peer)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(names, pool.map(ask, names), strict=True))


def measure_accuracy(archive: Path, names: list[str], folder: Path) -> dict[str, float]:
    """Return the share of PublicTest's five classes that each program names as FER-2013 does, without its detector.

    Labels that are not ours are left out: the likeliest of the five counts.
    """
    crops = read_fer2013(archive)[0].split("PublicTest")
    path = folder / "PublicTest.npy"
    np.save(path, crops.images.reshape(-1, 48, 48))
    original = json.loads((ROOT / "results" / "original" / "metrics.json").read_text())["PublicTest"]["accuracy"]
    chosen = [name for name in RECOGNISERS if name in names]
    shares = ask_all(chosen, lambda peer: float(np.mean(peer.ask("classify", path)["results"][0] == crops.labels)))
    return {**shares, "original": original}


def measure_faces(photos: list[Photo], names: list[str], folder: Path) -> dict[str, dict[str, float]]:
    """Return the share of the photos' faces that each program finds, and the boxes a photo that are no face."""

    def find(peer: Peer, grey: np.ndarray) -> np.ndarray:
        path = folder / f"{peer.name}.npy"
        np.save(path, cv2.merge([grey] * 3)[None])
        return np.array(peer.ask("find", path, [0])["results"][0])

    chosen = [name for name in (*RECOGNISERS, *BLAZEFACES) if name in names]
    judged = ask_all(chosen, lambda peer: judge(partial(find, peer), photos))
    judged["default cascade"] = judge(find_plain, photos)
    columns = {"faces_found": "recall", "false_boxes": "false_boxes_a_photo"}
    return {key: {name: row[column] for name, row in judged.items()} for key, column in columns.items()}
