"""Reply to the camera panel: recognise and track faces, take pictures, record a timeline."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Image as DisplayedImage
from IPython.display import display

from fer.faces.tracking import BOX_COLUMNS, Track, redetect_faces, steadied, track_faces
from fer.media.pictures import UnreadablePictureError, decode_image
from fer.media.samples import portrait_frames
from fer.media.videos import read_frames
from fer.notebook.errors import UserError, writable_folder
from fer.recognition.drawing import as_jpeg, face_colour, render_figure
from fer.recognition.picture import recognise_picture
from fer.recognition.recogniser import Recogniser
from fer.recognition.uncertainty import face_label, top_classes
from fer.reports.picture import save_picture, show_picture
from fer.reports.tables import pluralise
from fer.reports.timeline import plot_timeline, save_timeline, tabulate_timeline, timeline_rows

FULL_SEARCH_INTERVAL = 8  # frames; between them, faces are detected where they were, and a new one has to wait
SAMPLE_FRAMES, SAMPLE_FRAME_RATE = 50, 10  # a second
SAVING_INTERVAL = 1  # seconds
Reply = tuple[dict, list[bytes]]  # what can be said as JSON, and JPEG pictures to go with it
# The newest pictures and timelines, also of earlier sessions: a page that is loaded anew has lost them.
SHOWN: deque[Reply] = deque(maxlen=8)


@dataclass
class Session:
    """What is known between two messages of one panel. Live frames are not kept, but the numbers of their faces."""

    recogniser: Recogniser
    results: Path  # the folder for what is saved
    smoothing: int = 4  # frames; see `track_faces`
    file: str = ""  # the path of a video or picture to play in place of the camera; empty: the sample
    tracks: list[Track] = field(default_factory=list)
    boxes: np.ndarray = field(default_factory=lambda: np.empty((0, 4), np.int64))  # of the frame before
    frame_count: int = 0
    new_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))  # of faces
    skipped: int = 0  # frames that could not be decoded
    picture_count: int = 0
    rows: list[tuple] = field(default_factory=list)  # with the columns of `timeline_columns`
    path: Path | None = None  # of the record, once it has rows
    saved_count: int = 0  # rows of the record that are on disk
    saved_at: float = 0.0  # seconds of the monotonic clock
    timeline: pd.DataFrame = field(default_factory=pd.DataFrame)  # of the last time that it was live
    engine: list[tuple[str, bytes]] = field(default_factory=list)  # as from `engine_pieces`
    # Widget messages may come on several threads (ipykernel 7); network and timeline take them one by one.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Open the file now, so that a wrong path is told before the panel shows; raises UserError."""
        self.frames = self.open_frames()

    def open_frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """Return seconds and (height, width, 3) uint8 frames of the file, or of the sample; raises UserError."""
        if self.file:
            return read_frames(self.file)
        return ((i / SAMPLE_FRAME_RATE, frame) for i, frame in enumerate(portrait_frames(SAMPLE_FRAMES)))

    def reply(self, message: dict, frame: bytes = b"") -> Reply:
        """Reply to one message; whatever goes wrong is a reply, too, of kind "error" with a text to show.

        message: {"kind": one of `HANDLERS`, "id": any, …}. frame: a JPEG, for the kinds "frame" and "snapshot". Each
        reply has the path of the record that is under way, or "".
        """
        with self.lock:
            try:
                content, pictures = HANDLERS[message["kind"]](self, message, frame)
                save_new_rows(self)
            except UserError as problem:
                content, pictures = {"kind": "error", "text": str(problem)}, []
            except Exception as error:
                text = f"Something went wrong in the notebook ({type(error).__name__}: {error})."
                content, pictures = {"kind": "error", "text": text}, []
        return {**content, "id": message.get("id"), "record": str(self.path or "")}, pictures


def recognise_frame(session: Session, message: dict, frame: bytes) -> Reply:
    """Recognise, track and record the faces of a frame from the browser, taken at message["seconds"]."""
    try:
        image = decode_image(frame, "The frame")
    except UnreadablePictureError:
        session.skipped += 1
        return {"kind": "skipped", "text": f"{session.skipped} unreadable pictures were skipped."}, []
    return recognise_and_track(session, image, float(message["seconds"])), []


def recognise_next_frame(session: Session, message: dict, frame: bytes) -> Reply:
    """Do the same with the next frame of the file in this runtime, and send it along; "end" after the last."""
    if message.get("restart"):
        session.frames = session.open_frames()
    seconds, image = next(session.frames, (0.0, None))
    if image is None:
        return {"kind": "end"}, []
    return recognise_and_track(session, image, seconds), [as_jpeg(image)]


def recognise_and_track(session: Session, image: np.ndarray, seconds: float) -> dict:
    """Recognise, track and record the faces of a (height, width, 3) uint8 frame; return what the overlay shows."""
    start = time.perf_counter()
    former = session.boxes if session.frame_count % FULL_SEARCH_INTERVAL else session.boxes[:0]
    detect = steadied(partial(redetect_faces, former=former), session.boxes)
    table = session.recogniser.recognise(image, detect, steady=False)
    milliseconds = 1000 * (time.perf_counter() - start)
    session.boxes, session.frame_count = table[BOX_COLUMNS].to_numpy(), session.frame_count + 1
    session.tracks = track_faces(session.tracks, table, seconds, session.smoothing, session.new_numbers)
    seen = session.tracks[: len(table)]
    session.rows += timeline_rows(seen)
    faces = [describe_face(track, session.recogniser.classes) for track in seen]
    return {"kind": "faces", "faces": faces, "milliseconds": milliseconds, "skipped": session.skipped}


def describe_face(track: Track, classes: Sequence[str]) -> dict:
    """Return what the overlay draws for a face: number, box, smoothed probabilities, label and colour."""
    values = dict(zip((*BOX_COLUMNS, *classes), (*track.box.tolist(), *track.probabilities.tolist()), strict=True))
    face = {"face": track.face, **values, "confidence": max(track.probabilities.tolist())}
    return face | {"expression": top_classes(face)[0], "label": face_label(face), "colour": face_colour(face)}


def send_piece(session: Session, message: dict, frame: bytes) -> Reply:
    """Send a piece of what the page needs to find and name faces by itself."""
    file, piece = session.engine[message["piece"]]
    return {"kind": "piece", "file": file, "pieces": len(session.engine)}, [piece]


def record_rows(session: Session, message: dict, frame: bytes) -> Reply:
    """Record what the page itself has recognised since the last message; that may be nothing: the page is there.

    Should the kernel have to take over, it gives other numbers to faces than the page has given.
    """
    session.rows += map(tuple, message["rows"])
    beyond = [next(session.new_numbers), *(face + 1 for _, face, *_ in message["rows"])]
    session.new_numbers = itertools.count(max(beyond))
    return {"kind": "recorded"}, []


def take_picture(session: Session, message: dict, frame: bytes) -> Reply:
    """Recognise a still as `via_image` does; show it below the panel and save it."""
    session.picture_count += 1
    name = f"Picture {session.picture_count}"
    picture = recognise_picture(session.recogniser, decode_image(frame, name), name)
    saved = session.results / time.strftime(f"snapshot-%Y%m%d-%H%M%S-{session.picture_count}")
    save_picture(picture.annotated, picture.table, saved)
    text = f"{name}: {pluralise(len(picture.table), 'face')}, saved as {saved}.png and .csv"
    print(text)
    show_picture(picture)
    names = picture.table.to_dict("records")
    faces = [{**face, "label": face_label(face), "colour": face_colour(face)} for face in names]
    content = {"kind": "snapshot", "text": text, "name": f"{saved.name}.jpg", "faces": faces}
    SHOWN.append((content, [as_jpeg(picture.annotated)]))
    return SHOWN[-1]


def recall_shown(session: Session, message: dict, frame: bytes) -> Reply:
    """Send what was shown before once more, one a message."""
    number = message["number"]
    return SHOWN[number] if number < len(SHOWN) else ({"kind": "recalled"}, [])


def save_new_rows(session: Session) -> None:
    """Append to the record's file what it lacks, at most once a second: a kernel that is killed loses no more."""
    new_rows = session.rows[session.saved_count :]
    if not new_rows or time.monotonic() < session.saved_at + SAVING_INTERVAL:
        return
    session.saved_at = time.monotonic()
    session.path = session.path or new_record_path(session)
    with writable_folder(session.results):
        record = tabulate_timeline(new_rows, session.recogniser.classes)
        save_timeline(record, session.path, append=session.saved_count > 0)
    session.saved_count += len(new_rows)


def new_record_path(session: Session) -> Path:
    """Name a record after the time."""
    return session.results / time.strftime("webcam-%Y%m%d-%H%M%S.csv")


def finish_timeline(session: Session, message: dict, frame: bytes) -> Reply:
    """Save what was recorded since the last time as webcam-<time>.csv, and show its timeline below the panel."""
    rows = session.rows + [tuple(row) for row in message.get("rows", ())]
    session.rows, session.tracks, session.new_numbers = [], [], itertools.count(1)
    if not rows:
        return {"kind": "timeline", "text": "No face was seen in two frames, so there is no timeline."}, []
    session.timeline = tabulate_timeline(rows, session.recogniser.classes)
    path = session.path or new_record_path(session)
    session.path, session.saved_count = None, 0
    with writable_folder(session.results):
        save_timeline(session.timeline, path)
    text = f"Timeline: {len(session.timeline)} rows, one a face a frame, saved as {path}"
    print(text)
    figure = render_figure(plot_timeline(session.timeline))
    display(DisplayedImage(figure))
    SHOWN.append(({"kind": "timeline", "text": text, "name": f"{path.stem}.png"}, [figure]))
    return SHOWN[-1]


HANDLERS = {
    "frame": recognise_frame,
    "next": recognise_next_frame,
    "snapshot": take_picture,
    "stop": finish_timeline,
    "piece": send_piece,
    "record": record_rows,
    "recall": recall_shown,
}
