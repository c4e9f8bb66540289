"""Answer what the camera panel asks of the kernel: faces of a frame, a snapshot, a record."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from fer.faces.detection import crop_faces, detect_thorough
from fer.faces.tracking import BOX_COLUMNS, Track, redetect_faces, track_faces
from fer.media.pictures import UnreadablePictureError, decode_image, to_grey
from fer.notebook.errors import UserError
from fer.recognition.drawing import annotate, as_jpeg, face_colour, plot_probabilities, render_figure
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import face_label, top_classes
from fer.reports.picture import format_faces, save_picture
from fer.reports.timeline import plot_timeline, save_timeline, timeline_columns, timeline_rows

WHOLE_EVERY = 8  # frames; between them, faces are looked for where they were, and a new one has to wait
Answer = tuple[dict, list[bytes]]  # what can be said as JSON, and JPEG or PNG pictures to go with it


@dataclass
class Session:
    """What is known between two messages of one panel. Frames are not kept; what is kept of them is numbers."""

    recogniser: Recogniser
    results: Path  # the folder for what is saved
    smoothing: int = 4  # frames; see `track_faces`
    frames: Iterator[tuple[float, np.ndarray]] = field(default_factory=lambda: iter(()))  # see `read_frames`
    faces: list[Track] = field(default_factory=list)
    rows: list[tuple] = field(default_factory=list)  # with the columns of `timeline_columns`
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4), np.int64))  # of the frame before
    seen: int = 0  # frames
    highest: int = 0  # number of a face
    skipped: int = 0  # frames that could not be decoded
    snapshots: list[tuple[np.ndarray, pd.DataFrame]] = field(default_factory=list)  # annotated picture and table
    # Widget messages may come on several threads (ipykernel 7); network and record take them one by one.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, message: dict, picture: bytes = b"") -> Answer:
        """Answer one message; whatever goes wrong is an answer, too, of kind "error" with a text to show.

        message: {"kind": one of `ANSWERS`, "id": any, …}. picture: a JPEG, for the kinds "frame" and "snapshot".
        """
        with self.lock:
            try:
                content, pictures = ANSWERS[message["kind"]](self, message, picture)
            except UserError as problem:
                content, pictures = {"kind": "error", "text": str(problem)}, []
            except Exception as error:
                text = f"Something went wrong in the notebook ({type(error).__name__}: {error})."
                content, pictures = {"kind": "error", "text": text}, []
        return {**content, "id": message.get("id")}, pictures


def see_frame(session: Session, message: dict, picture: bytes) -> Answer:
    """Recognise, follow and record the faces of a frame from the browser, taken at message["seconds"]."""
    try:
        image = decode_image(picture, "The frame")
    except UnreadablePictureError:
        session.skipped += 1
        return {"kind": "skipped", "text": f"{session.skipped} unreadable pictures were skipped."}, []
    return see(session, image, float(message["seconds"])), []


def see_next(session: Session, message: dict, picture: bytes) -> Answer:
    """Do the same with the next frame of the file in this runtime, and send it along; "end" after the last."""
    seconds, image = next(session.frames, (0.0, None))
    if image is None:
        return {"kind": "end"}, []
    return see(session, image, seconds), [as_jpeg(image)]


def see(session: Session, image: np.ndarray, seconds: float) -> dict:
    """Recognise, follow and record the faces of a (height, width, 3) uint8 frame; return what the overlay shows."""
    start = time.perf_counter()
    former = session.boxes if session.seen % WHOLE_EVERY else session.boxes[:0]
    table = session.recogniser.recognise(image, partial(redetect_faces, former=former))
    milliseconds = 1000 * (time.perf_counter() - start)
    session.boxes, session.seen = table[BOX_COLUMNS].to_numpy(), session.seen + 1
    session.faces = track_faces(session.faces, table, seconds, session.smoothing, session.highest)
    session.highest = max((session.highest, *(face.face for face in session.faces)))
    session.rows += timeline_rows(seconds, table, session.faces)
    faces = [describe_face(face, session.recogniser.classes) for face in session.faces[: len(table)]]
    return {"kind": "faces", "faces": faces, "milliseconds": milliseconds, "skipped": session.skipped}


def describe_face(face: Track, classes: Sequence[str]) -> dict:
    """Return what the overlay draws for a face: number, box, smoothed probabilities, label and colour."""
    values = dict(zip((*BOX_COLUMNS, *classes), (*face.box.tolist(), *face.probabilities.tolist()), strict=True))
    described = {"face": face.face, **values, "confidence": max(face.probabilities.tolist())}
    answer = {"expression": top_classes(described)[0], "label": face_label(described), "colour": face_colour(described)}
    return described | answer


def take_snapshot(session: Session, message: dict, picture: bytes) -> Answer:
    """Recognise a still as `via_image` does; the answer holds the annotated picture, the bars and the table."""
    image = decode_image(picture, "The picture")
    table = session.recogniser.recognise(image, detect_thorough)
    annotated = annotate(image, table)
    session.snapshots.append((annotated, table))
    number = len(session.snapshots)
    title = f"Picture {number}: {len(table) or 'no'} face{'' if len(table) == 1 else 's'}"
    bars = plot_probabilities(table, crop_faces(to_grey(image), table[BOX_COLUMNS].to_numpy()))
    rows = format_faces(table).reset_index("face").to_dict("records")
    content = {"kind": "snapshot", "number": number, "title": title, "rows": rows}
    return content, [as_jpeg(annotated), *([render_figure(bars)] if bars else [])]


def save_snapshot(session: Session, message: dict, picture: bytes) -> Answer:
    """Save a snapshot and its table in the folder for results."""
    number = int(message["number"])
    saved = session.results / time.strftime(f"snapshot-%Y%m%d-%H%M%S-{number}")
    save_picture(*session.snapshots[number - 1], saved)
    return {"kind": "saved", "text": f"Saved {saved}.png and .csv"}, []


def finish_record(session: Session, message: dict, picture: bytes) -> Answer:
    """Save what was recorded since the last time as webcam-<time>.csv, and answer with its timeline."""
    record = pd.DataFrame(session.rows, columns=timeline_columns(session.recogniser.classes))
    session.rows, session.faces, session.highest = [], [], 0
    if record.empty:
        return {"kind": "record", "text": "No face was seen, so there is nothing to record."}, []
    path = session.results / time.strftime("webcam-%Y%m%d-%H%M%S.csv")
    save_timeline(record, path)
    text = f"Saved {path}: {len(record)} rows, one a face a picture."
    return {"kind": "record", "text": text}, [render_figure(plot_timeline(record))]


def stay_alive(session: Session, message: dict, picture: bytes) -> Answer:
    """Answer the panel's question whether the kernel still lives."""
    return {"kind": "alive"}, []


ANSWERS = {
    "frame": see_frame,
    "next": see_next,
    "snapshot": take_snapshot,
    "save": save_snapshot,
    "stop": finish_record,
    "alive": stay_alive,
}
