"""Let a network learn from others, its teachers."""

import keras
from keras import KerasTensor, ops


class Trainee(keras.Model):
    """A network as it is trained: it sees faces that are changed at random and, if it has teachers, imitates them.

    The teachers see the very same changed faces, and the network is to give the mean of their answers (Hinton et al.
    2015, Beyer et al. 2022). distillation_weight: the share (0-1) of that in the loss; compile with
    `loss_weights=1 - distillation_weight` for that of the labels.
    """

    def __init__(
        self,
        network: keras.Model,
        augmentation: keras.layers.Layer,
        teachers: tuple[keras.Model, ...] = (),
        distillation_weight: float = 0.0,
    ) -> None:
        super().__init__()
        self.network, self.augmentation, self.teachers = network, augmentation, list(teachers)
        self.distillation_weight = distillation_weight
        for teacher in self.teachers:
            teacher.trainable = False

    def call(self, faces: KerasTensor, training: bool = False) -> KerasTensor:
        """Answer with the probabilities, (n, classes)."""
        seen = self.augmentation(faces, training=training)
        answers = self.network(seen, training=training)
        if training and self.teachers:
            soft_targets = sum(teacher(seen, training=False) for teacher in self.teachers) / len(self.teachers)
            imitation = ops.mean(keras.losses.categorical_crossentropy(soft_targets, answers))
            self.add_loss(self.distillation_weight * imitation)
        return answers
