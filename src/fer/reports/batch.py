"""Recognise many pictures: a bad one does not stop the others, and a run that was stopped goes on."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from fer.expressions import SIDE
from fer.faces.detection import detect_thorough
from fer.faces.pages import decode_page_with_face
from fer.faces.tracking import BOX_COLUMNS
from fer.media.collections import PictureFile
from fer.notebook.errors import UserError, write_whole
from fer.notebook.paths import sha256_hex
from fer.notebook.progress import progress
from fer.recognition.drawing import annotate, as_jpeg
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import face_label

THUMBNAIL_SIZE = (224, 168)  # pixels
MOST_NUMBERED = 4  # faces; where there are more, a thumbnail has no room for their numbers


def recognise_files(recogniser: Recogniser, files: list[PictureFile], folder: Path) -> list[dict]:
    """Recognise the faces in each file and return an entry for each: file, faces, problem and thumbnail.

    Each entry without a problem is added to <folder>/.finished.jsonl at once, so a run that was interrupted, or killed,
    does only what is missing when it is started again. Interrupting returns the entries so far.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finished = folder / ".finished.jsonl"
    known = {key: entry for key, entry in read_finished(finished).items() if (folder / entry["thumbnail"]).exists()}
    network = network_fingerprint(recogniser)
    keys = [sha256_hex(f"{network} {file.key}".encode(errors="backslashreplace")) for file in files]
    waiting = [(key, file) for key, file in dict(zip(keys, files, strict=True)).items() if key not in known]
    if len(waiting) < len(files):
        print(f"{len(files) - len(waiting)} of {len(files)} are known from before.")
    with finished.open("a") as log:
        bar = progress(waiting, "Recognising", unit="pictures", leave=False)
        try:
            for key, file in bar:
                known[key] = recognise_file(recogniser, file, folder / ".thumbnails" / f"{key[:32]}.jpg")
                if not known[key]["problem"]:
                    # A line break first: a line that was cut off stays a line of its own.
                    log.write("\n" + json.dumps({"key": key, **known[key]}))
                    log.flush()
        except KeyboardInterrupt:
            bar.close()
            print(f"Stopped after {sum(key in known for key in keys)} of {len(files)}. Run it again to go on there.")
    return [known[key] for key in keys if key in known]


def recognise_file(recogniser: Recogniser, file: PictureFile, thumbnail: Path) -> dict:
    """Recognise the faces in one file and save its thumbnail; that it cannot be read is the entry's problem."""
    try:
        image, note = decode_page_with_face(file.read(), file.name)
    except UserError as problem:
        reason = str(problem).removeprefix(f"{file.name} ")
        return {"file": file.name, "faces": [], "problem": reason, "thumbnail": ""}
    if note:
        print(note)
    table = recogniser.recognise(image, detect_thorough, steady=True)
    thumbnail.parent.mkdir(exist_ok=True)
    write_whole(thumbnail, as_jpeg(draw_thumbnail(image, table)))
    faces = json.loads(table.to_json(orient="records", double_precision=6))
    return {"file": file.name, "faces": faces, "problem": "", "thumbnail": f"{thumbnail.parent.name}/{thumbnail.name}"}


def draw_thumbnail(image: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Shrink a (height, width, 3) uint8 picture, then draw the box of its face with its label, of several a number."""
    small = Image.fromarray(image)
    small.thumbnail(THUMBNAIL_SIZE)
    scale = small.width / image.shape[1]
    boxes = (table[BOX_COLUMNS] * scale).round().astype(int)
    label = face_label if len(table) == 1 else lambda face: str(face["face"]) if len(table) <= MOST_NUMBERED else ""
    return annotate(np.asarray(small), table.assign(**boxes), label)


def read_finished(finished: Path) -> dict[str, dict]:
    """Return the entries of a former run by their keys; a line that was cut off when it was killed does not count."""
    entries = {}
    for line in finished.read_text().splitlines() if finished.exists() else []:
        with suppress(ValueError, KeyError, AttributeError):
            entry = json.loads(line)
            entries[entry.pop("key")] = entry
    return entries


def network_fingerprint(recogniser: Recogniser) -> str:
    """Tell networks apart by their answers to fixed noise and what they call them, so that another's are not kept."""
    noise = np.random.default_rng(0).integers(0, 256, (4, SIDE, SIDE), np.uint8)
    answers = recogniser.classify(noise).round(2).tobytes()
    return sha256_hex(answers + json.dumps(recogniser.classes).encode())


def join_faces(entries: list[dict], columns: Sequence[str]) -> pd.DataFrame:
    """Join the entries' faces: one row a face, with the column `file` and those of the recogniser."""
    rows = [{"file": entry["file"], **face} for entry in entries for face in entry["faces"]]
    return pd.DataFrame(rows, columns=["file", *columns])
