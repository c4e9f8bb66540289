"""A network as it is trained: behind augmentation, and beside its teachers."""

import keras
from keras import KerasTensor, ops


class TrainingModel(keras.Model):
    """Show a network changed faces and, if it has teachers, let it learn from them.

    The teachers see the very same changed faces, and the network is to give the mean of
    their answers (Hinton et al. 2015, Beyer et al. 2022).
    distillation_weight: the share (0-1) of this in the training loss.
    """

    def __init__(
        self,
        network: keras.Model,
        augmentation: keras.layers.Layer,
        teachers: tuple[keras.Model, ...] = (),
        distillation_weight: float = 0.0,
    ) -> None:
        # With mixed precision, Keras scales the loss by this model's policy.
        super().__init__(dtype=network.dtype_policy)
        self.network, self.augmentation = network, augmentation
        self.teachers, self.distillation_weight = list(teachers), distillation_weight
        for teacher in self.teachers:
            teacher.trainable = False

    def call(self, faces: KerasTensor, training: bool = False) -> KerasTensor:
        """Return the probabilities, (n, classes), of (n, 48, 48, 1) faces."""
        seen = self.augmentation(faces, training=training)
        answers = self.network(seen, training=training)
        if training and self.teachers:
            taught = [teacher(seen, training=False) for teacher in self.teachers]
            soft_targets = sum(taught) / len(taught)
            losses = keras.losses.categorical_crossentropy(soft_targets, answers)
            self.add_loss(self.distillation_weight * ops.mean(losses))
        return answers
