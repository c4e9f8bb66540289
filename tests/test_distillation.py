"""A network learns from the answers of others that were trained before it."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tiny import (
    CPU,
    RECIPE,
    SEED,
    TRAINING,
    VALIDATION,
    afresh,
    answers_of,
    build_noisy,
    build_tiny,
    train_tiny,
)

from fer.data.dataset import FaceDataset
from fer.training.fit import compile_model, make_batches, one_hot, train_teachers
from fer.training.recipes import Recipe

# Faces that are their own mirror images, which nothing but augmentation's mirroring would change.
SYMMETRICAL = TRAINING._replace(images=TRAINING.images // 2 + TRAINING.images[:, :, ::-1] // 2)
STILL = RECIPE._replace(augmentation={}, optimizer="sgd", distillation_weight=0.7)


@pytest.fixture(scope="session")
def teachers(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, ...]:
    keras.utils.clear_session()
    return train_teachers(2, build_noisy, RECIPE, TRAINING, VALIDATION, tmp_path_factory.mktemp("runs"), SEED, CPU)


def cross_entropy(targets: np.ndarray, answers: np.ndarray) -> float:
    return float(-(targets * np.log(answers)).sum(axis=1).mean())


def batch_of(faces: FaceDataset, recipe: Recipe, has_teachers: bool) -> dict[str, np.ndarray]:
    """Return all faces as one batch, as `train` feeds it."""
    x, y, sample_weight = make_batches(faces, recipe._replace(batch_size=160), CPU, has_teachers, SEED)[0]
    return {"x": x, "y": y, "sample_weight": sample_weight}


def test_the_loss_is_the_stated_mixture_and_in_validation_that_of_the_labels(teachers: tuple):
    """The labels are not what the teachers say."""
    student = afresh(build_tiny)
    batch = batch_of(SYMMETRICAL._replace(labels=(TRAINING.labels + 1) % 5), STILL, has_teachers=True)
    faces, labels = batch["x"], batch["y"]
    answers = student.predict(faces, verbose=0)
    taught = np.mean([teacher.predict(faces, verbose=0) for teacher in teachers], axis=0)
    of_labels, of_teachers = cross_entropy(labels, answers), cross_entropy(taught, answers)
    assert abs(of_labels - of_teachers) > 0.05
    model = compile_model(student, STILL, 1, CPU, teachers, SEED)
    assert model.test_on_batch(faces, labels)[0] == pytest.approx(of_labels, rel=1e-4)
    before = student.get_weights()
    assert model.train_on_batch(**batch)[0] == pytest.approx(0.3 * of_labels + 0.7 * of_teachers, rel=1e-4)
    # The step goes down the gradient of that loss, which for one layer is inputs × (answers − targets).
    inputs = keras.Model(student.input, student.layers[-1].input).predict(faces, verbose=0)
    gradient = inputs.T @ (answers - 0.3 * labels - 0.7 * taught) / len(inputs)
    rate = STILL.learning_rate / 100 * 1.9  # the first, with Nesterov momentum
    np.testing.assert_allclose(student.get_weights()[0] - before[0], -rate * gradient, rtol=1e-2, atol=1e-7)


def test_without_teachers_the_labels_have_all_of_the_loss():
    student = afresh(build_tiny)
    batch = batch_of(SYMMETRICAL, STILL, has_teachers=False)
    expected = cross_entropy(batch["y"], student.predict(batch["x"], verbose=0))
    loss = compile_model(student, STILL, 1, CPU, (), SEED).train_on_batch(**batch)[0]
    assert loss == pytest.approx(expected, rel=1e-4)


def test_teachers_see_the_very_face_that_the_student_sees():
    """Who agrees with his teacher about each face has nothing to learn; about another face they would not agree."""
    student, teacher = (afresh(build_tiny) for _ in range(2))
    amounts = {"shift": 0.3, "brightness": 0.3, "erasing": 0.5}
    recipe = STILL._replace(distillation_weight=1.0, augmentation=amounts, learning_rate=1.0)
    model = compile_model(student, recipe, 1, CPU, (teacher,), SEED)
    for _ in range(3):
        model.train_on_batch(**batch_of(TRAINING, recipe, has_teachers=True))
    for weights, as_before in zip(student.get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_allclose(weights, as_before, atol=1e-5)


def test_a_student_learns_what_its_teachers_know_and_they_stay_as_they_are(teachers: tuple, tmp_path: Path):
    """All labels are wrong, and have no share in the loss; validation tells the labels' loss all the same."""
    before = [teacher.get_weights() for teacher in teachers]
    wrong = TRAINING._replace(labels=(TRAINING.labels + 1) % 5)
    student = afresh(build_tiny)
    history = train_tiny(student, tmp_path, RECIPE._replace(distillation_weight=1.0), teachers=teachers, training=wrong)
    assert history["val_accuracy"].iloc[-1] > 0.9
    expected = cross_entropy(one_hot(VALIDATION), answers_of(student))
    assert history["val_loss"].iloc[-1] == pytest.approx(expected, rel=1e-3)
    for teacher, weights in zip(teachers, before, strict=True):
        for own, former in zip(teacher.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(own, former)
    # It is read back without them.
    again = afresh(build_tiny, seed=9)
    train_tiny(again, tmp_path, RECIPE._replace(distillation_weight=1.0), training=wrong)
    np.testing.assert_array_equal(answers_of(again), answers_of(student))


def test_teachers_differ_and_are_trained_once(tmp_path: Path, capsys: pytest.CaptureFixture):
    def trained() -> tuple[keras.Model, ...]:
        recipe = RECIPE._replace(epochs=2)
        return train_teachers(2, build_tiny, recipe, TRAINING, VALIDATION, tmp_path, SEED, CPU)

    first = trained()
    said = capsys.readouterr().out
    assert "Teacher 1 of 2:" in said
    assert "Teacher 2 of 2:" in said
    assert said.count("min left") == 4
    assert np.abs(answers_of(first[0]) - answers_of(first[1])).max() > 0.01
    again = trained()
    assert "min left" not in capsys.readouterr().out
    for teacher, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(answers_of(same), answers_of(teacher))
    assert len(list(tmp_path.iterdir())) == 2
    assert train_teachers(0, build_tiny, RECIPE, TRAINING, VALIDATION, tmp_path, SEED, CPU) == ()
