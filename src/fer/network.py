"""Build the network.

Both networks take grey faces of 48×48 raw values 0–255 and give one probability per expression. Scaling is their
first layer, so that training and use cannot feed them differently.
"""

import keras
from keras import layers

from fer.expressions import EXPRESSIONS, SIDE


def build_original() -> keras.Model:
    """Build the network this project started from: six convolutions, three dense layers, 3,245,509 parameters."""
    inputs = keras.Input((SIDE, SIDE, 1), name="grey_face")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
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
    outputs = layers.Dense(len(EXPRESSIONS), activation="softmax", name="expression")(x)
    return keras.Model(inputs, outputs, name="original")


def build_modern() -> keras.Model:
    """Build a VGG-like network: seven convolutions, each batch-normalised, then the mean over the picture.

    A fifth of the parameters of `original` and a third of its multiplications. Batch normalisation after every
    convolution (Ioffe & Szegedy 2015) lets it train at a high learning rate; the mean over the last feature
    maps (Lin et al. 2013) replaces the dense layers, in which most parameters of `original` are.
    """
    inputs = keras.Input((SIDE, SIDE, 1), name="grey_face")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    for widths in ((24,), (48, 48), (96, 96), (192, 192)):  # on 48, 24, 12 and 6 pixels a side
        if widths != (24,):
            x = layers.MaxPooling2D(2)(x)
        for width in widths:
            x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(len(EXPRESSIONS), activation="softmax", name="expression")(x)
    return keras.Model(inputs, outputs, name="modern")


NETWORKS = {"original": build_original, "modern": build_modern}
