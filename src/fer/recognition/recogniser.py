"""Recognise the expression of every face in a picture."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fer.expressions import EXPRESSIONS, FACE_COLUMNS, SIDE
from fer.faces.detection import crop_faces, detect_faces, is_camera_frame
from fer.faces.views import view_boxes
from fer.media.pictures import to_grey
from fer.network.files import load_network, read_classes
from fer.notebook.setup import suppress_stderr

COLUMNS = (*FACE_COLUMNS, *EXPRESSIONS)  # of the table of a network for the five expressions


class Recogniser:
    """A network, compiled once, and what is needed to use it on photos."""

    def __init__(self, network: keras.Model, classes: tuple[str, ...] = EXPRESSIONS) -> None:
        self.classes = classes  # the names of the network's answers, in their order
        self.columns = (*FACE_COLUMNS, *classes)
        self.network = network
        # Compiled and used once now, so that the first picture need not wait.
        with suppress_stderr():  # XLA and cuDNN tell of their work there
            self.forward_one = compile_for_one_face(network) or self.forward
            self.classify(np.zeros((1, SIDE, SIDE), np.uint8))

    @cached_property
    def forward(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Turn the network into a graph for any number of faces, when a picture first has several.

        It answers in a few milliseconds; `network.predict` spends tens on set-up in every call.
        """
        return compile_forward(partial(self.network, training=False), faces=None)

    @classmethod
    def load(cls, folder: str | Path) -> "Recogniser":
        """Load fer.json and fer.h5 from a folder; raises UnusableModelError."""
        return cls(load_network(Path(folder)), read_classes(Path(folder)))

    def classify(self, crops: np.ndarray) -> np.ndarray:
        """Return (n, classes) float32 probabilities for (n, 48, 48) or (n, 48, 48, 1) uint8 faces, in one batch."""
        if crops.dtype != np.uint8 or crops.shape[1:] not in ((SIDE, SIDE), (SIDE, SIDE, 1)):
            raise ValueError(
                f"expected uint8 crops of shape (n, 48, 48) or (n, 48, 48, 1), got {crops.dtype} {crops.shape}"
            )
        if len(crops) == 0:  # TensorFlow's batch normalisation takes no empty batch
            return np.empty((0, len(self.classes)), np.float32)
        forward = self.forward_one if len(crops) == 1 else self.forward
        return forward(tf.constant(crops.reshape(-1, SIDE, SIDE, 1))).numpy()

    def classify_faces(self, grey: np.ndarray, boxes: np.ndarray, steady: bool = True) -> np.ndarray:
        """Return (n, classes) probabilities of the faces in (n, 4) boxes of a (height, width) uint8 picture.

        steady: whether they are means over several views of each face, see `view_boxes`, or those of its crop alone.
        """
        if not steady:
            return self.classify(crop_faces(grey, boxes))
        views = view_boxes(boxes)
        probabilities = self.classify(crop_faces(grey, views.reshape(-1, 4)))
        return probabilities.reshape(*views.shape[:2], len(self.classes)).mean(axis=1)

    def recognise(
        self,
        image: np.ndarray,
        detect: Callable[[np.ndarray], np.ndarray] = detect_faces,
        steady: bool | None = None,
    ) -> pd.DataFrame:
        """Find the faces in a picture and name their expressions.

        image: (height, width, 3) RGB or (height, width) grey, uint8, any size. detect: what turns the grey picture into
        (n, 4) boxes; `detect_faces` takes any picture of up to 640 pixels for a camera's frame and searches it fast, so
        the notebooks pass `detect_thorough` for photos. steady: see `classify_faces`; None: for a photo, not for a
        camera's frame, which several views would make slow. Returns one row a face, largest first: face (a number from
        1), x, y, width, height (pixels of the image), expression, confidence (the largest of the probabilities), and
        the probability of each class, by name; no row where there is no face.
        """
        grey = to_grey(image)
        boxes = detect(grey)
        steady = not is_camera_frame(grey) if steady is None else steady
        return tabulate_faces(boxes, self.classify_faces(grey, boxes, steady), self.classes)


def tabulate_faces(boxes: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Make the table of `Recogniser.recognise` of (n, 4) boxes and (n, classes) probabilities."""
    columns = {
        "face": np.arange(1, len(boxes) + 1),
        **dict(zip(("x", "y", "width", "height"), boxes.T, strict=True)),
        "expression": np.array(classes, dtype=object)[probabilities.argmax(axis=1)],
        "confidence": probabilities.max(axis=1, initial=0),
        **dict(zip(classes, probabilities.T, strict=True)),
    }
    return pd.DataFrame(columns, copy=False)  # nobody else has the arrays; a copy of each takes half as long again


def compile_forward(
    forward: Callable[[tf.Tensor], tf.Tensor], faces: int | None, **options: bool
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Turn a forward pass into a graph from (faces, 48, 48, 1) uint8 to (faces, classes) float32; None: any number."""
    signature = tf.TensorSpec((faces, SIDE, SIDE, 1), tf.uint8)
    # The graph itself: tf.function would look in every call whether it has to make another.
    return tf.function(lambda crops: forward(tf.cast(crops, tf.float32)), **options).get_concrete_function(signature)


def compile_for_one_face(network: keras.Model) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """Compile a network by XLA for one face, a third faster on a CPU; None where XLA cannot, or takes long (a GPU).

    Its weights become constants, so that XLA works out beforehand what follows from them alone.
    """
    if tf.config.list_physical_devices("GPU"):
        return None
    weights = [
        [variable.numpy() for variable in variables]
        for variables in (network.trainable_variables, network.non_trainable_variables)
    ]
    forward = compile_forward(
        lambda faces: network.stateless_call(*weights, faces, training=False)[0], 1, jit_compile=True
    )
    try:
        forward(tf.zeros((1, SIDE, SIDE, 1), tf.uint8))
    except tf.errors.OpError:  # not every system's TensorFlow has XLA
        return None
    return forward
