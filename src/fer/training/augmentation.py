"""Change the training faces at random: a layer that is part of the compiled training step, and mixup."""

import math

import keras
import numpy as np
from keras import KerasTensor, ops

# The table for luminance of the JPEG standard (ITU-T T.81, annex K), at quality 50.
JPEG_TABLE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    np.float32,
)
# The cosine transform of 8 values is a product with this matrix.
COSINES = np.array([[math.cos((2 * x + 1) * u * math.pi / 16) / 2 for x in range(8)] for u in range(8)], np.float32)
COSINES[0] /= math.sqrt(2)


class Augmentation(keras.layers.Layer):
    """Change each face of a batch in its own way while training; leave it alone otherwise.

    Takes (n, side, side, 1) in 0-255, uint8 or float; returns the same shape as float32 in 0-255. Half of the faces
    are mirrored. Amounts are drawn evenly from -amount to +amount: shift (share of the side), rotation (degrees), zoom
    (share of the size), brightness (share of 255), contrast (share). The others are shares of the faces: erasing (a
    rectangle, Zhong et al. 2020), blur (Gaussian, sigma 0.5 to 1.25 pixels), compression (JPEG of quality 15 to 60).
    """

    def __init__(
        self,
        shift: float = 0.0,
        rotation: float = 0.0,
        zoom: float = 0.0,
        brightness: float = 0.0,
        contrast: float = 0.0,
        erasing: float = 0.0,
        blur: float = 0.0,
        compression: float = 0.0,
        seed: int | None = None,
    ) -> None:
        super().__init__(dtype="float32")
        self.shift, self.rotation, self.zoom = shift, rotation, zoom
        self.brightness, self.contrast = brightness, contrast
        self.erasing, self.blur, self.compression = erasing, blur, compression
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, faces: KerasTensor, training: bool = False) -> KerasTensor:
        """Change the faces if the network is in training."""
        faces = ops.cast(faces, "float32")
        if not training:
            return faces
        faces = self.move(faces)
        faces = self.relight(faces)
        if self.blur:
            faces = ops.where(self.chosen(faces, self.blur), self.blurred(faces), faces)
        if self.compression:
            faces = ops.where(self.chosen(faces, self.compression), self.compressed(faces), faces)
        return self.erase(faces) if self.erasing else faces

    def draw(self, faces: KerasTensor, low: float, high: float, *shape: int) -> KerasTensor:
        """Draw a number for each face, evenly from low to high; shape: (1, 1, 1) to fit a batch of faces."""
        return keras.random.uniform((ops.shape(faces)[0], *shape), low, high, seed=self.seed_generator)

    def chosen(self, faces: KerasTensor, share: float) -> KerasTensor:
        """Choose a share of the faces: (n, 1, 1, 1) bool."""
        return self.draw(faces, 0.0, 1.0, 1, 1, 1) < share

    def move(self, faces: KerasTensor) -> KerasTensor:
        """Mirror, turn, zoom and shift by one affine map a face.

        Values between pixels are means of neighbours, so moving blurs. Half of the faces are moved by whole pixels
        only, and stay as sharp as those that the network is used on.
        """
        side = faces.shape[1]
        centre = (side - 1) / 2
        moves_freely = ops.cast(self.draw(faces, 0.0, 1.0) < 0.5, "float32")
        mirror = ops.where(self.draw(faces, 0.0, 1.0) < 0.5, 1.0, -1.0)
        angle = moves_freely * self.draw(faces, -1.0, 1.0) * self.rotation * math.pi / 180
        zoom = 1 + moves_freely * self.draw(faces, -1.0, 1.0) * self.zoom
        shift_x = ops.round(self.draw(faces, -1.0, 1.0) * self.shift * side)
        shift_y = ops.round(self.draw(faces, -1.0, 1.0) * self.shift * side)
        # From each pixel of the result to the place in the face that it shows, about the centre.
        a, b = mirror * zoom * ops.cos(angle), -mirror * zoom * ops.sin(angle)
        c, d = zoom * ops.sin(angle), zoom * ops.cos(angle)
        x, y = centre - centre * (a + b) + shift_x, centre - centre * (c + d) + shift_y
        zero = ops.zeros_like(a)
        affine = ops.stack([a, b, x, c, d, y, zero, zero], axis=1)
        return ops.image.affine_transform(faces, affine, "bilinear", "nearest", data_format="channels_last")

    def relight(self, faces: KerasTensor) -> KerasTensor:
        """Change contrast and brightness."""
        mean = ops.mean(faces, axis=(1, 2, 3), keepdims=True)
        contrast = 1 + self.draw(faces, -1.0, 1.0, 1, 1, 1) * self.contrast
        brightness = 255 * self.draw(faces, -1.0, 1.0, 1, 1, 1) * self.brightness
        return ops.clip((faces - mean) * contrast + mean + brightness, 0.0, 255.0)

    def blurred(self, faces: KerasTensor) -> KerasTensor:
        """Blur by a Gaussian: a product with a matrix of weights along the rows, another along the columns."""
        pixels = ops.arange(faces.shape[1], dtype="float32")
        squared = (pixels[:, None] - pixels[None, :]) ** 2
        weights = ops.exp(-squared / (2 * self.draw(faces, 0.5, 1.25, 1, 1) ** 2))
        weights = weights / ops.sum(weights, axis=-1, keepdims=True)
        return (weights @ faces[..., 0] @ ops.transpose(weights, (0, 2, 1)))[..., None]

    def compressed(self, faces: KerasTensor) -> KerasTensor:
        """Lose what JPEG loses: in blocks of 8 by 8, frequencies are rounded to multiples of the table's."""
        blocks, cosines = faces.shape[1] // 8, ops.convert_to_tensor(COSINES)
        steps = 50 / self.draw(faces, 15.0, 60.0, 1, 1, 1, 1) * ops.convert_to_tensor(JPEG_TABLE)
        values = ops.reshape(faces - 128.0, (-1, blocks, 8, blocks, 8))
        values = ops.transpose(values, (0, 1, 3, 2, 4))
        frequencies = ops.round(cosines @ values @ ops.transpose(cosines) / steps) * steps
        values = ops.transpose(ops.transpose(cosines) @ frequencies @ cosines, (0, 1, 3, 2, 4))
        return ops.clip(ops.reshape(values, ops.shape(faces)) + 128.0, 0.0, 255.0)

    def erase(self, faces: KerasTensor) -> KerasTensor:
        """Fill a rectangle with the face's mean; up to half of the face high, and up to all of it wide."""
        side = faces.shape[1]
        pixels = ops.arange(side, dtype="float32")
        middle_y, middle_x = (side * self.draw(faces, 0.0, 1.0, 1, 1, 1) for _ in range(2))
        half_height = side * self.draw(faces, 1 / 12, 1 / 4, 1, 1, 1)
        half_width = side * self.draw(faces, 1 / 12, 3 / 4, 1, 1, 1)
        in_rows = ops.abs(pixels[:, None, None] - middle_y) < half_height
        in_columns = ops.abs(pixels[None, :, None] - middle_x) < half_width
        is_erased = in_rows & in_columns & self.chosen(faces, self.erasing)
        return ops.where(is_erased, ops.mean(faces, axis=(1, 2, 3), keepdims=True), faces)


class MixupBatches(keras.utils.PyDataset):
    """Shuffled batches of faces; with mixup each is blended with another, and their targets likewise.

    faces: (N, 48, 48) uint8. targets: (N, classes) float32, probabilities. mixup_alpha: the shares of the two faces
    come from Beta(alpha, alpha), so that for small values one of them prevails (Zhang et al. 2018); 0: no mixup.
    label_weight: the share (0-1) of the targets in the loss. part: what this process gets of each batch. Faces that do
    not fill a batch are left out until the next epoch.
    """

    def __init__(
        self,
        faces: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        mixup_alpha: float = 0.0,
        label_weight: float = 1.0,
        seed: int = 0,
        part: slice = slice(None),
    ) -> None:
        super().__init__()
        self.faces, self.targets = faces[..., None], targets
        self.batch_size = batch_size
        self.mixup_alpha = mixup_alpha
        self.weights = np.full(self.batch_size, label_weight, np.float32)
        self.random = np.random.default_rng(seed)
        self.part = part
        self.on_epoch_end()

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return len(self.faces) // self.batch_size

    def on_epoch_end(self) -> None:
        """Shuffle for the next epoch."""
        self.order = self.random.permutation(len(self.faces))

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return a batch: faces (n, 48, 48, 1) uint8, targets (n, classes) and weights (n,) float32."""
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        faces, targets = self.faces[chosen], self.targets[chosen]
        if self.mixup_alpha:
            shares = self.random.beta(self.mixup_alpha, self.mixup_alpha, len(chosen))
            faces = blend(faces, shares).round().astype(np.uint8)
            targets = blend(targets, shares)
        return faces[self.part], targets[self.part], self.weights[self.part]


def blend(values: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Give each of (n, …) values its share (0-1), and the rest to the one as far from the other end."""
    shares = shares.astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    return shares * values + (1 - shares) * values[::-1]
