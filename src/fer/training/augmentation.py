"""Change the training faces a little, at random, in every epoch."""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fer.data.dataset import FaceDataset
from fer.expressions import EXPRESSIONS


class Augmentation(NamedTuple):
    """How far each picture may be changed; every amount is drawn evenly from -reach to +reach."""

    shift: float = 0.0  # share of the picture's side
    rotation: float = 0.0  # degrees
    zoom: float = 0.0  # share by which the face grows or shrinks
    brightness: float = 0.0  # share of the range 0–255
    contrast: float = 0.0  # share by which the contrast grows or shrinks
    erasing: float = 0.0  # not a reach: the share of the pictures in which a rectangle is erased
    sharp: float = 0.0  # not a reach: the share of the pictures that stay sharp when they are moved

    def scaled(self, factor: float) -> "Augmentation":
        """Return one that changes pictures so many times as far, and erases in so many times as many."""
        return Augmentation(*(factor * amount for amount in self))._replace(sharp=self.sharp)


def augment(images: tf.Tensor, seed: tf.Tensor, reach: Augmentation) -> tf.Tensor:
    """Mirror, turn, zoom, shift and relight a batch at random, each picture in its own way.

    images: (n, side, side, 1) uint8. seed: (2,) int64; the same seed gives the same pictures.
    Returns (n, side, side, 1) float32 in 0–255.
    """
    count, side = tf.shape(images)[0], tf.cast(tf.shape(images)[1], tf.float32)

    def random(which: int, reach: float) -> tf.Tensor:
        return tf.random.stateless_uniform((count,), seed + which, -reach, reach)

    mirror = tf.sign(random(0, 1.0))
    angle, zoom = random(1, reach.rotation * np.pi / 180), 1 + random(2, reach.zoom)
    shift_x, shift_y = side * random(3, reach.shift), side * random(4, reach.shift)
    # One affine map from each output pixel to the input pixel that it shows, about the picture's centre.
    cosine, sine, zero = zoom * tf.cos(angle), zoom * tf.sin(angle), tf.zeros((count,))
    a, b, c, d = mirror * cosine, -mirror * sine, sine, cosine
    centre = (side - 1) / 2
    offset_x = centre - centre * (a + b) + shift_x
    offset_y = centre - centre * (c + d) + shift_y
    moved = sample(images, tf.stack([a, b, offset_x, c, d, offset_y, zero, zero], axis=1), tf.shape(images)[1:3])
    if reach.sharp:
        # A value between pixels is a mean of four, and blurred. In a picture twice as large these lie closer.
        larger = tf.image.resize(images, 2 * tf.shape(images)[1:3], "bicubic")
        x, y = 2 * offset_x + 0.5, 2 * offset_y + 0.5
        finely = sample(larger, tf.stack([2 * a, 2 * b, x, 2 * c, 2 * d, y, zero, zero], axis=1), tf.shape(images)[1:3])
        chosen = tf.random.stateless_uniform((count, 1, 1, 1), seed + 14) < reach.sharp
        moved = tf.where(chosen, finely, moved)
    contrast = 1 + random(5, reach.contrast)[:, None, None, None]
    brightness = 255 * random(6, reach.brightness)[:, None, None, None]
    mean = tf.reduce_mean(moved, axis=(1, 2, 3), keepdims=True)
    relit = tf.clip_by_value((moved - mean) * contrast + mean + brightness, 0.0, 255.0)
    return erase(relit, seed + 7, reach.erasing) if reach.erasing else relit


def sample(images: tf.Tensor, maps: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Make pictures of this size (height, width), each pixel looked up where the picture's map (8 numbers) says."""
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(images, tf.float32),
        transforms=maps,
        output_shape=size,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )


def erase(images: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Fill a random rectangle in a share of the pictures with their mean grey (Zhong et al. 2020).

    Its sides are a sixth to a half of the picture's, and its middle lies anywhere, so that it may be cut off.
    """
    count, side = tf.shape(images)[0], tf.cast(tf.shape(images)[1], tf.float32)

    def random(which: int, low: float, high: float) -> tf.Tensor:
        return tf.random.stateless_uniform((count, 1, 1, 1), seed + which, low, high)

    pixels = tf.range(side)
    in_rows = tf.abs(pixels[:, None, None] - side * random(0, 0.0, 1.0)) < side * random(1, 1 / 12, 1 / 4)
    in_columns = tf.abs(pixels[None, :, None] - side * random(2, 0.0, 1.0)) < side * random(3, 1 / 12, 1 / 4)
    chosen = random(4, 0.0, 1.0) < share
    return tf.where(in_rows & in_columns & chosen, tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True), images)


def mix(images: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, mixing: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend each picture of a batch with another, and their targets in the same shares (mixup, Zhang et al. 2018).

    The shares are drawn from Beta(mixing, mixing): below 1, one of the two mostly prevails. The batch is in random
    order, so that pairing it with its own reverse pairs at random.
    """
    count = tf.shape(images)[0]
    ours, others = (tf.random.stateless_gamma((count,), seed + which, mixing) for which in (12, 13))
    share = (ours / (ours + others))[:, None]

    def blend(values: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
        return share * values + (1 - share) * tf.reverse(values, [0])

    return blend(images, share[..., None, None]), blend(targets, share)


def training_batches(
    pictures: FaceDataset,
    targets: np.ndarray,
    batch_size: int,
    reach: Augmentation,
    mixing: float,
    seed: int,
    epochs: range,
) -> tf.data.Dataset:
    """Give the batches of these epochs one after the other, shuffled, augmented and mixed anew in each.

    targets: (N, classes) float32, the probabilities that the network is to learn for each picture.
    mixing: see `mix`; 0 leaves each picture to itself.
    What an epoch looks like follows from its number, the seed and, for the order of the pictures, TensorFlow's global
    seed alone, so that a run that goes on later sees what it would have seen. Yields images (batch_size, 48, 48, 1)
    float32 in 0–255 and their targets (batch_size, classes) float32; `batches_an_epoch` of them, the last pictures of
    an epoch's order being left out.
    """
    each = tf.data.Dataset.from_tensor_slices((pictures.images[..., None], targets))
    whole = batches_an_epoch(pictures, batch_size)
    count = len(pictures.labels)

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        batches = each.shuffle(count, seed=seed + 1_000_003 * epoch).batch(batch_size).take(whole)
        return batches.enumerate(start=epoch * whole).map(change, num_parallel_calls=tf.data.AUTOTUNE)

    def change(number: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        own_seed = tf.stack([tf.cast(seed, tf.int64), number])
        images, targets = augment(batch[0], own_seed, reach), batch[1]
        return mix(images, targets, own_seed, mixing) if mixing else (images, targets)

    return tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(epoch_batches).prefetch(tf.data.AUTOTUNE)


def batches_an_epoch(pictures: FaceDataset, batch_size: int) -> int:
    """Return how many batches an epoch has: the whole ones, or one if there is none."""
    return max(1, len(pictures.labels) // batch_size)


def evaluation_batches(pictures: FaceDataset, batch_size: int = 256) -> tf.data.Dataset:
    """Batch the pictures as they are, in their order: images uint8, one-hot labels (batch_size, classes) float32."""
    arrays = pictures.images[..., None], one_hot(pictures.labels, classes=len(pictures.classes))
    return tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size).prefetch(tf.data.AUTOTUNE)


def one_hot(labels: np.ndarray, smoothing: float = 0.0, classes: int = len(EXPRESSIONS)) -> np.ndarray:
    """Return (N, classes) float32 probabilities: all on the label, but for `smoothing`, which all share evenly."""
    certain = keras.utils.to_categorical(labels, classes)
    return (certain * (1 - smoothing) + smoothing / classes).astype(np.float32)
