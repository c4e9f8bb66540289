"""How each network is trained."""

from typing import NamedTuple


class Recipe(NamedTuple):
    """How a network is trained, and from which accuracies on it is good enough to stop."""

    epochs: int
    batch_size: int
    optimizer: str  # "sgd", with Nesterov momentum 0.9, or "adam"
    learning_rate: float  # the peak, after one epoch of warm-up; from there half a cosine to zero
    weight_decay: float  # decoupled: each step shrinks the weights by this times the learning rate
    augmentation: dict[str, float]  # arguments of Augmentation
    stop_accuracy: float
    stop_val_accuracy: float
    label_smoothing: float = 0.0
    mixup_alpha: float = 0.0  # 0: no mixup
    held_out_fraction: float = 0.0  # of the training faces, kept back for calibration
    distillation_weight: float = 0.0  # the teachers' share in the loss, 0-1; the labels have the rest
    width_factor: int = 1  # so many times the channels

    def limited_to(self, epochs: int, accuracy: float, val_accuracy: float) -> "Recipe":
        """Return this recipe with other limits; 0 leaves one as it is."""
        return self._replace(
            epochs=epochs or self.epochs,
            stop_accuracy=accuracy or self.stop_accuracy,
            stop_val_accuracy=val_accuracy or self.stop_val_accuracy,
        )

    def for_devices(self, count: int) -> "Recipe":
        """Give each of several devices a batch of the recipe's size, and learn faster in proportion (Goyal 2017)."""
        return self._replace(batch_size=self.batch_size * count, learning_rate=self.learning_rate * count)


MODERN = Recipe(
    epochs=60,
    batch_size=128,
    optimizer="sgd",
    learning_rate=0.1,
    weight_decay=5e-3,
    augmentation={
        "shift": 0.1,
        "rotation": 14.0,
        "zoom": 0.14,
        "brightness": 0.08,
        "contrast": 0.25,
        "erasing": 0.3,
        "blur": 0.15,
        "compression": 0.15,
    },
    stop_accuracy=0.95,
    stop_val_accuracy=0.85,
    mixup_alpha=0.4,
    held_out_fraction=0.05,
)

RECIPES = {
    "modern": MODERN,
    "teacher": MODERN._replace(epochs=80, width_factor=2),
    "student": MODERN._replace(epochs=110, mixup_alpha=1.0, distillation_weight=1.0),
    "original": Recipe(
        epochs=16,
        batch_size=64,
        optimizer="adam",
        learning_rate=6e-4,
        weight_decay=0.0,
        augmentation={"shift": 0.04},
        stop_accuracy=0.75,
        stop_val_accuracy=0.71,
    ),
    # For a network that knows faces and gets a new last layer: small steps, so that it does not forget them.
    "fine-tune": Recipe(
        epochs=16,
        batch_size=32,
        optimizer="adam",
        learning_rate=3e-4,
        weight_decay=0.0,
        augmentation=MODERN.augmentation,
        stop_accuracy=0.99,
        stop_val_accuracy=0.99,
        label_smoothing=0.1,
        held_out_fraction=0.1,
    ),
}
