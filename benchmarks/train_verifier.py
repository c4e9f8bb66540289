"""Train the small network that verifies the cascades' boxes, and write its weights into src/fer/faces/verifier.py.

    python benchmarks/train_verifier.py <FER-2013: folder, zip or csv>

It learns faces from FER-2013's Training split and from the photos of faces.csv that settings are chosen on. What is no
face are the windows that OpenCV's cascades take for one there, also in these photos mirrored, turned and negative;
places chosen at random; and parts of faces. Takes some 20 minutes on two cores.
"""

import base64
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
from face_photos import load_photos, matches

import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.data.fer2013 import read_fer2013
from fer.faces.cascades import ALT, ALT2, load_cascade
from fer.faces.detection import MIN_FACE_SIDE, crop_and_resize, downscale, rotate
from fer.faces.verifier import CHANNELS

# isort: split
import keras

SIDE, EPOCHS, BATCH, LEARNING_RATE, LABEL_SMOOTHING = 48, 20, 256, 4e-3, 0.02
PHOTO_SIDE = 2000  # pixels
LARGE_SIDE, LARGEST = 480, (52, 52)  # pixels of a picture, from which on larger faces are left to its halves
ORIENTATIONS: list[Callable[[np.ndarray], np.ndarray]] = [
    lambda grey: grey,
    lambda grey: grey[:, ::-1],
    lambda grey: grey[::-1],
    lambda grey: 255 - grey,
    lambda grey: grey[::-1, ::-1],
    lambda grey: grey.T,
    lambda grey: grey.T[::-1],
    lambda grey: rotate(grey, 15, keep_corners=False)[0],
    lambda grey: rotate(grey, -15, keep_corners=False)[0],
]
MORE_CASCADES = 4  # the first so many orientations are searched by three cascades, the others by one


def windows(grey: np.ndarray, names: tuple[str, ...] = (ALT2,)) -> Iterator[np.ndarray]:
    """Yield every box that cascades take for a face in a picture, in half of it, and so on, in its own pixels."""
    scale, picture = 1.0, grey
    while scale == 1 or max(picture.shape) >= LARGE_SIDE:
        largest = LARGEST if max(picture.shape) > LARGE_SIDE else None
        for name in names:
            boxes = load_cascade(name).detectMultiScale(picture, 1.1, 0, 0, (MIN_FACE_SIDE,) * 2, largest)
            yield from np.reshape(boxes, (-1, 4)) / scale
        scale, picture = scale / 2, downscale(picture, 0.5)


def vary(crop: np.ndarray, random: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Turn, shift, zoom, mirror, blur and darken a (48, 48) crop by chance; return it at (24, 24)."""
    angle, zoom = strength * random.uniform(-20, 20), np.exp(strength * random.uniform(-0.15, 0.15))
    matrix = cv2.getRotationMatrix2D((SIDE / 2 - 0.5,) * 2, angle, zoom)
    matrix[:, 2] += strength * random.uniform(-0.08, 0.08, 2) * SIDE
    varied = cv2.warpAffine(crop, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    if random.random() < 0.5:
        varied = np.ascontiguousarray(varied[:, ::-1])
    if random.random() < 0.3:
        varied = cv2.GaussianBlur(varied, (0, 0), random.uniform(0.5, 2.5))
    if random.random() < 0.3:
        noise = random.normal(0, random.uniform(0, 8), varied.shape)
        varied = np.clip(varied * random.uniform(0.2, 1) + random.uniform(0, 40) + noise, 0, 255).astype(np.uint8)
    return cv2.resize(varied, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)


def cut_at_random(grey: np.ndarray, sides: tuple[int, int], random: np.random.Generator) -> np.ndarray:
    """Cut a square with a side between two, in pixels, out of a picture; return it at (48, 48)."""
    side = int(np.exp(random.uniform(*np.log(sides))))
    left, top = random.integers(grey.shape[1] - side + 1), random.integers(grey.shape[0] - side + 1)
    return crop_and_resize(grey, (left, top, side, side), SIDE)


def collect(pictures: np.ndarray, random: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return varied (24, 24) crops of faces, and of what is none; pictures: (n, 48, 48) faces of FER-2013."""
    faces = [vary(picture, random) for picture in pictures for _ in range(2)]
    others = [vary(cut_at_random(picture, (14, 28), random), random) for picture in pictures[::3]]
    for photo in load_photos("choose", PHOTO_SIDE):
        grey = np.asarray(photo.image)
        if len(photo.faces):
            boxes = list(windows(grey))
            are_faces = matches(np.reshape(boxes, (-1, 4)), photo.faces).any(axis=1)
            for box, is_face in zip(boxes, are_faces, strict=True):
                crop = crop_and_resize(grey, box, SIDE)
                chosen, strength = (faces, 0.5) if is_face else (others, 1)
                chosen += [vary(crop, random, strength) for _ in range(4)]
            continue
        for index, orient in enumerate(ORIENTATIONS):
            names = (ALT2, ALT, "frontalface_default") if index < MORE_CASCADES else (ALT2,)
            oriented = np.ascontiguousarray(orient(grey))
            for box in windows(oriented, names):
                others += [vary(crop_and_resize(oriented, box, SIDE), random) for _ in range(4)]
        sides = (min(MIN_FACE_SIDE, *grey.shape), min(grey.shape))
        others += [vary(cut_at_random(grey, sides, random), random) for _ in range(200)]
    return faces, others


def build_network() -> keras.Model:
    """Build the network that `fer.faces.verifier` runs."""
    layers = keras.layers
    network = keras.Sequential([keras.Input((SIDE // 2, SIDE // 2, 1))])
    for channels in CHANNELS[1:]:
        network.add(layers.Conv2D(channels, 3, padding="same", use_bias=False))
        network.add(layers.BatchNormalization())
        network.add(layers.ReLU())
        network.add(layers.MaxPooling2D())
    for layer in (layers.Flatten(), layers.Dropout(0.2), layers.Dense(1)):
        network.add(layer)
    return network


def normalise(crops: np.ndarray) -> np.ndarray:
    """Take the light out of (n, 24, 24) crops as `run_network` does; return (n, 24, 24, 1) float32."""
    crops = crops[..., None].astype(np.float32)
    return (crops - crops.mean(axis=(1, 2), keepdims=True)) / (crops.std(axis=(1, 2), keepdims=True) + 1)


def pack(network: keras.Model) -> bytes:
    """Fold batch normalisation into the convolutions, and return all weights as `load_layers` reads them."""
    layers = [layer for layer in network.layers if layer.weights]
    matrices = []
    for convolution, normalisation in zip(layers[:-1:2], layers[1:-1:2], strict=True):
        gamma, beta, mean, variance = normalisation.get_weights()
        factor = gamma / np.sqrt(variance + normalisation.epsilon)
        kernel = (convolution.get_weights()[0] * factor).transpose(2, 0, 1, 3)  # channel, y, x, output
        matrices.append(np.vstack([kernel.reshape(-1, len(factor)), beta - mean * factor]))
    kernel, bias = layers[-1].get_weights()
    content = b""
    for matrix in [*matrices, np.vstack([kernel, bias])]:
        scales = (np.abs(matrix).max(axis=0) / 127).astype("<f4")
        content += scales.tobytes() + np.rint(matrix / scales).astype(np.int8).tobytes()
    return content


def main(data: str) -> None:
    """Train, and write the weights into the module that uses them."""
    random = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    dataset, *_ = read_fer2013(Path(data))
    faces, others = collect(dataset.images[dataset.splits == "Training"], random)
    print(f"{len(faces):,} crops of faces, {len(others):,} of what is none")
    inputs = normalise(np.array(faces + others))
    labels = np.repeat([1.0, 0.0], [len(faces), len(others)])
    network = build_network()
    network.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * len(inputs) // BATCH)),
        keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=LABEL_SMOOTHING),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0)],
    )
    network.fit(inputs, labels, BATCH, EPOCHS, verbose=2)
    text = base64.b85encode(pack(network)).decode()
    lines = "\n".join(f'    "{text[start : start + 110]}"' for start in range(0, len(text), 110))
    module = ROOT / "src" / "fer" / "faces" / "verifier.py"
    before, _, after = re.split(
        r"(?<=^WEIGHTS = )(\(.*?^\))", module.read_text(), maxsplit=1, flags=re.MULTILINE | re.DOTALL
    )
    module.write_text(f"{before}(\n{lines}\n){after}")


if __name__ == "__main__":
    main(*sys.argv[1:])
