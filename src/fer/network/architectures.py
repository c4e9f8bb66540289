"""Build the network.

Both networks take grey faces of 48×48 raw values 0–255 and give one probability per class. Scaling is their
first layer, so that training and use cannot feed them differently.
"""

import math

import keras
from keras import layers, ops

from fer.expressions import EXPRESSIONS, SIDE


def build_original(classes: int = len(EXPRESSIONS)) -> keras.Model:
    """Build the network this project started from: six convolutions, three dense layers, 3,245,509 parameters."""
    inputs = keras.Input((SIDE, SIDE, 1), name="grey_face")
    x = layers.Rescaling(1 / 255, name="scale", dtype="float32")(inputs)
    for width, second_kernel in ((64, 3), (128, 3), (256, 4)):
        x = layers.Conv2D(width, 3, activation="relu")(x)
        x = layers.Conv2D(width, second_kernel, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(2)(x)
        x = layers.Dropout(0.2)(x)
    x = layers.Flatten()(x)
    for width in (1024, 512, 128):
        x = layers.Dense(width, activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(classes, activation="softmax", name="expression", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="original")


def build_modern(classes: int = len(EXPRESSIONS)) -> keras.Model:
    """Build a small residual network: ten convolutions, each batch-normalised, then the mean over the picture.

    Half of the parameters of `original` and three fifths of its multiplications. Each picture is first brought to mean
    0 and deviation 1, so that a dim room looks like a bright one. Each stage corrects what it has by two convolutions
    (He et al. 2016), whose channels are weighted by what is in the picture (Hu et al. 2018).
    """
    inputs = keras.Input((SIDE, SIDE, 1), name="grey_face")
    # Where the network computes with 16 bits, the first and the last steps still take 32.
    x = layers.Rescaling(1 / 255, name="scale", dtype="float32")(inputs)
    # One group is the whole picture. (LayerNormalization over three axes is the same, but Keras loses them on loading
    # fer.h5 with `load_model`.)
    x = layers.GroupNormalization(groups=1, center=False, scale=False, name="standardise", dtype="float32")(x)
    x = layers.ReLU()(convolve(x, 24))
    for width in (48, 96, 256):  # on 24, 12 and 6 pixels a side
        x = layers.MaxPooling2D(2)(x)
        x = layers.ReLU()(convolve(x, width))
        correction = layers.ReLU()(convolve(x, width))
        correction = weigh_channels(convolve(correction, width))
        x = layers.ReLU()(layers.Add()([x, correction]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(classes, activation="softmax", name="expression", dtype="float32")(x)
    network = keras.Model(inputs, outputs, name="modern")
    tie_twins(network)
    return network


def tie_twins(network: keras.Model) -> None:
    """Make each channel of a layer's second half the twin of one of its first half, and keep it so in training.

    What a channel sees in a picture, its twin sees in the mirror image. So a face and its mirror image get the same
    answer, and what is learnt of one side of a face holds for the other (group equivariance, Cohen & Welling 2016).
    Only what batch normalisation takes for mean and variance is not tied: measured on pictures and their mirror images,
    it is alike by itself (see `averaged_weights`). Whoever uses the network need not know: it has ordinary layers, with
    weights that are alike in pairs. Loaded and trained further, they are tied no more.
    """
    for layer in network.layers:
        for weights in layer.trainable_weights:
            channels = {4: (2, 3), 2: (0,), 1: (0,)}[len(weights.shape)]  # axes; the other of a dense layer is classes
            channels = [axis for axis in channels if weights.shape[axis] > 1]  # the grey picture is its own twin
            if not (isinstance(layer, layers.Dense) and weights is layer.bias):
                weights.constraint = Twins(channels)
                weights.assign(weights.constraint(weights))


class Twins(keras.constraints.Constraint):
    """Keep weights equal to their mirror image: the second half of these axes twins of the first, kernels flipped."""

    def __init__(self, channels: list[int]) -> None:
        """Take the axes that are channels."""
        self.channels = channels

    def __call__(self, weights: keras.KerasTensor) -> keras.KerasTensor:
        """Return the mean of weights and what their mirror image has in their place."""
        mirrored = ops.flip(weights, axis=1) if len(weights.shape) == 4 else weights
        for axis in self.channels:
            mirrored = ops.roll(mirrored, weights.shape[axis] // 2, axis=axis)
        return (weights + mirrored) / 2


def convolve(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Convolve 3×3 and normalise over the batch (Ioffe & Szegedy 2015), which allows a high learning rate."""
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization()(x)


def weigh_channels(x: keras.KerasTensor) -> keras.KerasTensor:
    """Squeeze and excite: multiply each channel by a factor 0–1 that follows from the means of all channels."""
    width = x.shape[-1]
    factors = layers.GlobalAveragePooling2D(keepdims=True)(x)
    factors = layers.Conv2D(width // 4, 1, activation="relu")(factors)
    factors = layers.Conv2D(width, 1, activation="sigmoid")(factors)
    return layers.Multiply()([x, factors])


def multiply_adds(network: keras.Model) -> int:
    """Count the multiplications, each with an addition, of one picture's way through convolutions and dense layers."""
    weighed = [layer for layer in network.layers if isinstance(layer, layers.Conv2D | layers.Dense)]
    return sum(math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape) for layer in weighed)


NETWORKS = {"original": build_original, "modern": build_modern}
