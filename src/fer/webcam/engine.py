"""What the page needs to find and name faces by itself: the worker's JavaScript, rules, cascades, and the network."""

import json
import re
from pathlib import Path

import keras

from fer.expressions import SIDE, class_colours
from fer.faces.cascades import ALT, ALT2, IOU_THRESHOLD, RELATIVE_BOX_SIDE, cascade_path
from fer.faces.detection import (
    BOX_IN_CROP,
    COARSE,
    MIN_FACE_SIDE,
    SURE,
    TILT_ANGLES,
    TILTED_SIDE,
    UPRIGHT_SIDE,
    VERIFICATION_ANGLES,
    VERIFIED_SIDE,
)
from fer.faces.tracking import MAX_SECONDS_MISSING, SMALL_MOVE
from fer.network.export import convert_for_page
from fer.recognition.drawing import UNCERTAIN_COLOUR
from fer.recognition.uncertainty import CONFIDENCE_THRESHOLD
from fer.webcam.session import FULL_SEARCH_INTERVAL, Session

RULES_JS = (Path(__file__).parent / "page" / "rules.js").read_text()
CASCADES_JS = (Path(__file__).parent / "page" / "cascades.js").read_text()
DETECTION_JS = (Path(__file__).parent / "page" / "detection.js").read_text()
TRACKING_JS = (Path(__file__).parent / "page" / "tracking.js").read_text()
WORKER_JS = (Path(__file__).parent / "page" / "worker.js").read_text()
LIBRARIES = json.loads((Path(__file__).parent / "page" / "libraries.json").read_text())  # (path, integrity) each
RULES = {
    "ALT": ALT,
    "ALT2": ALT2,
    "BOX_IN_CROP": BOX_IN_CROP,
    "COARSE": COARSE,
    "CONFIDENCE_THRESHOLD": CONFIDENCE_THRESHOLD,
    "FULL_SEARCH_INTERVAL": FULL_SEARCH_INTERVAL,
    "IOU_THRESHOLD": IOU_THRESHOLD,
    "MAX_SECONDS_MISSING": MAX_SECONDS_MISSING,
    "MIN_FACE_SIDE": MIN_FACE_SIDE,
    "RELATIVE_BOX_SIDE": RELATIVE_BOX_SIDE,
    "SIDE": SIDE,
    "SMALL_MOVE": SMALL_MOVE,
    "SURE": SURE,
    "TILT_ANGLES": TILT_ANGLES,
    "TILTED_SIDE": TILTED_SIDE,
    "UNCERTAIN_COLOUR": UNCERTAIN_COLOUR,
    "UPRIGHT_SIDE": UPRIGHT_SIDE,
    "VERIFICATION_ANGLES": VERIFICATION_ANGLES,
    "VERIFIED_SIDE": VERIFIED_SIDE,
}
PIECE_SIZE = 700_000  # bytes; in base 64, which Colab's messages need, that is less than 1 MB


def join_modules(*texts: str) -> str:
    """Join JavaScript modules, each after those that it imports, into one script."""
    return re.sub(r"^(import .*\n|export )", "", "\n".join(texts), flags=re.MULTILINE)


def engine_sources(session: Session) -> dict:
    """Return the source of the page's worker, where its libraries lie, and the rules that it goes by; for JSON."""
    classes = session.recogniser.classes
    own = {"smoothing": session.smoothing, "classes": classes, "colours": class_colours(classes)}
    worker = join_modules(RULES_JS, CASCADES_JS, DETECTION_JS, TRACKING_JS, WORKER_JS)
    return {"worker": worker, "libraries": LIBRARIES, "rules": RULES | own}


def engine_pieces(network: keras.Model, models: Path) -> list[tuple[str, bytes]]:
    """Return what the worker loads, (name of the file, piece of it) each: the network from `models`, two cascades."""
    files = {"network": convert_for_page(network, models)}
    files |= {name: cascade_path(name).read_bytes() for name in (ALT, ALT2)}
    return [
        (name, content[start : start + PIECE_SIZE])
        for name, content in files.items()
        for start in range(0, len(content), PIECE_SIZE)
    ]
