"""Build the network.

Both networks take grey faces of 48×48 raw values 0–255 and give one probability per class. Scaling is their
first layer, so that training and use cannot feed them differently.
"""

import math

import keras
from keras import layers, ops

from fer.expressions import EXPRESSIONS, SIDE


def build_original(classes: int = len(EXPRESSIONS)) -> keras.Model:
    """Build the network this project started from: 3,245,509 parameters."""
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
    softmax = {"activation": "softmax", "dtype": "float32"}
    outputs = layers.Dense(classes, name="expression", **softmax)(x)
    return keras.Model(inputs, outputs, name="original")


def build_modern(classes: int = len(EXPRESSIONS), width_factor: int = 1) -> keras.Model:
    """Build a small residual network: ten convolutions, each batch-normalised.

    Each face is first brought to mean 0 and deviation 1, so that a dim room looks like
    a bright one. Each stage corrects what it has by two convolutions (He et al. 2016),
    whose channels are weighted by what is in the face (Hu et al. 2018).
    """
    inputs = keras.Input((SIDE, SIDE, 1), name="grey_face")
    # With mixed precision, the first and the last layers still compute in float32.
    x = layers.Rescaling(1 / 255, name="scale", dtype="float32")(inputs)
    # One group is the whole face. (Keras' load_model does not restore a
    # LayerNormalization over three axes from fer.h5.)
    x = layers.GroupNormalization(
        groups=1,
        center=False,
        scale=False,
        name="standardise",
        dtype="float32",
    )(x)
    x = layers.ReLU()(convolve(x, 24 * width_factor))
    for width in (48, 96, 256):  # on 24, 12 and 6 pixels a side
        x = layers.MaxPooling2D(2)(x)
        x = layers.ReLU()(convolve(x, width * width_factor))
        correction = layers.ReLU()(convolve(x, width * width_factor))
        correction = convolve(correction, width * width_factor)
        correction = squeeze_and_excite(correction)
        x = layers.ReLU()(layers.Add()([x, correction]))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    softmax = {"activation": "softmax", "dtype": "float32"}
    outputs = layers.Dense(classes, name="expression", **softmax)(x)
    network = keras.Model(inputs, outputs, name="modern")
    make_mirror_equivariant(network)
    return network


def convolve(x: keras.KerasTensor, width: int) -> keras.KerasTensor:
    """Convolve 3×3 and normalise over the batch (Ioffe & Szegedy 2015)."""
    plain = {"use_bias": False, "kernel_initializer": "he_normal"}
    x = layers.Conv2D(width, 3, padding="same", **plain)(x)
    return layers.BatchNormalization()(x)


def squeeze_and_excite(x: keras.KerasTensor) -> keras.KerasTensor:
    """Multiply channels by factors 0–1 that follow from all means (Hu et al. 2018)."""
    width = x.shape[-1]
    factors = layers.GlobalAveragePooling2D(keepdims=True)(x)
    factors = layers.Conv2D(width // 4, 1, activation="relu")(factors)
    factors = layers.Conv2D(width, 1, activation="sigmoid")(factors)
    return layers.Multiply()([x, factors])


def make_mirror_equivariant(network: keras.Model) -> None:
    """Tie each channel of a layer's second half to one of its first half.

    What a channel sees in a face, its partner sees in the mirror image, all through the
    training. So a face and its mirror image get the same answer, and what is learnt of
    one side of a face holds for the other (group equivariance, Cohen & Welling 2016).
    The saved network has ordinary layers, with weights that are alike in pairs.
    """
    for layer in network.layers:
        for weights in layer.trainable_weights:
            # Axes that are channels, by the number of axes: those of a convolution's
            # kernel; of a dense layer, whose other axis is the classes; of the rest.
            axes = {4: (2, 3), 2: (0,), 1: (0,)}[len(weights.shape)]
            axes = [axis for axis in axes if weights.shape[axis] > 1]  # not grey
            if not (isinstance(layer, layers.Dense) and weights is layer.bias):
                weights.constraint = MirrorEquivariant(axes)
                weights.assign(weights.constraint(weights))


class MirrorEquivariant(keras.constraints.Constraint):
    """Keep the second half of the channels the mirror images of the first."""

    def __init__(self, channels: list[int]) -> None:
        """Take the axes that are channels."""
        self.channels = channels

    def __call__(self, weights: keras.KerasTensor) -> keras.KerasTensor:
        """Return the mean of the weights and their mirror image."""
        mirrored = ops.flip(weights, axis=1) if len(weights.shape) == 4 else weights
        for axis in self.channels:
            mirrored = ops.roll(mirrored, weights.shape[axis] // 2, axis=axis)
        return (weights + mirrored) / 2


def multiply_adds(network: keras.Model) -> int:
    """Count the multiplications, each with an addition, of one picture's way through convolutions and dense layers."""
    weighed = [layer for layer in network.layers if isinstance(layer, layers.Conv2D | layers.Dense)]
    return sum(math.prod(layer.output.shape[1:-1]) * math.prod(layer.kernel.shape) for layer in weighed)
