"""A network learns from one that was trained before it."""

from pathlib import Path

import numpy as np
import pytest
from test_training import ENDLESS, SEED, tiny_network

from fer.data.dataset import FaceDataset
from fer.data.fer2013 import read_fer2013
from fer.notebook.errors import UserError
from fer.training.augmentation import Augmentation, one_hot
from fer.training.distillation import opinion, what_to_learn
from fer.training.hardware import short_numbers
from fer.training.training import train

TAUGHT = ENDLESS._replace(teacher=ENDLESS._replace(epochs=4, label_smoothing=0.1), trust=0.7, label_smoothing=0.1)


@pytest.fixture(scope="module")
def pictures(kaggle_zip: Path) -> FaceDataset:
    return read_fer2013(kaggle_zip)[0]


def learnt_in(
    runs: Path, pictures: FaceDataset, seed: int = SEED, **changes: object
) -> tuple[np.ndarray, list[np.ndarray]]:
    training, validation = pictures.split("Training"), pictures.split("PublicTest")
    return what_to_learn(tiny_network, TAUGHT._replace(**changes), training, validation, runs, seed)


def targets_in(runs: Path, pictures: FaceDataset, seed: int = SEED, **changes: object) -> np.ndarray:
    return learnt_in(runs, pictures, seed, **changes)[0]


def test_without_a_teacher_the_smoothed_labels_are_learnt(pictures: FaceDataset, tmp_path: Path):
    targets, weights = learnt_in(tmp_path, pictures, teacher=None)
    labels = pictures.split("Training").labels
    assert (targets.argmax(axis=1) == labels).all()
    assert targets.max(axis=1) == pytest.approx(0.92)  # 0.9 and a fifth of the 0.1 that all share
    assert targets.sum(axis=1) == pytest.approx(1)
    assert not weights and not list(tmp_path.iterdir())  # nobody was trained


def test_a_wrong_label_is_outvoted_by_the_teacher(pictures: FaceDataset, tmp_path: Path):
    """One made picture is labelled sad on purpose, and looks angry like 40 others."""
    training = pictures.split("Training")
    faces = [image.tobytes() for image in training.images]
    wrong = next(n for n, face in enumerate(faces) if faces.count(face) > 1 and training.labels[n] == 2)
    targets = targets_in(tmp_path, pictures, SEED + 2, teacher=ENDLESS._replace(epochs=30), trust=0.9)
    assert targets[wrong].argmax() == 0
    agree = targets.argmax(axis=1) == training.labels
    assert agree.sum() >= len(agree) - 3


def test_the_label_keeps_the_share_that_is_not_the_teacher_s(pictures: FaceDataset, tmp_path: Path):
    labels = one_hot(pictures.split("Training").labels)
    apart = {trust: targets_in(tmp_path / str(trust), pictures, trust=trust) - labels for trust in (0.2, 0.8)}
    np.testing.assert_allclose(4 * apart[0.2], apart[0.8], atol=1e-5)
    assert np.abs(apart[0.8]).max() > 0.05


def test_a_teacher_is_trained_once_and_asked_once(pictures: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture):
    first = targets_in(tmp_path, pictures)
    assert "Epoch  4/4" in capsys.readouterr().out
    (teacher,) = tmp_path.iterdir()
    assert {"best.weights.h5", "opinion.npy"} <= {path.name for path in teacher.iterdir()}
    np.testing.assert_array_equal(targets_in(tmp_path, pictures), first)
    assert "Epoch" not in capsys.readouterr().out
    targets_in(tmp_path, pictures, teacher=TAUGHT.teacher._replace(learning_rate=0.02))
    assert len(list(tmp_path.iterdir())) == 2  # another recipe, another teacher


def test_what_a_teacher_thinks_does_not_hang_on_its_pupil(pictures: FaceDataset, tmp_path: Path):
    """It is kept for all pupils; the pictures it is asked about are changed half as far as the first network's were."""
    first = targets_in(tmp_path / "one", pictures)
    np.testing.assert_allclose(targets_in(tmp_path / "two", pictures, augmentation=Augmentation()), first, atol=1e-6)


def test_a_teacher_cut_off_before_it_was_asked_is_asked_now(pictures: FaceDataset, tmp_path: Path):
    first = targets_in(tmp_path, pictures)
    (kept,) = tmp_path.glob("*/opinion.npy")
    kept.unlink()
    np.testing.assert_allclose(targets_in(tmp_path, pictures), first, atol=1e-6)


def test_a_teacher_whose_weights_were_deleted_is_missed_in_a_sentence(pictures: FaceDataset, tmp_path: Path):
    targets_in(tmp_path, pictures)
    (folder,) = tmp_path.iterdir()
    (folder / "best.weights.h5").unlink()
    with pytest.raises(UserError, match=f"Delete all of {folder} and train again"):
        targets_in(tmp_path, pictures)


def test_the_pupil_starts_from_what_its_teacher_could(pictures: FaceDataset, tmp_path: Path):
    """Also when the teacher was trained in an earlier session."""
    for _ in range(2):
        _, weights = learnt_in(tmp_path, pictures)
        (folder,) = tmp_path.iterdir()
        pupil, teacher = tiny_network(), tiny_network()
        pupil.set_weights(weights)
        teacher.load_weights(folder / "best.weights.h5")
        faces = pictures.images[..., None]
        np.testing.assert_array_equal(pupil.predict(faces, verbose=0), teacher.predict(faces, verbose=0))


def test_a_second_teacher_goes_on_from_the_first_and_is_asked_alone(pictures: FaceDataset, tmp_path: Path):
    training, validation = pictures.split("Training"), pictures.split("PublicTest")
    first = TAUGHT.teacher
    second = TAUGHT._replace(epochs=2, teacher=first, trust=0.4, augmentation=first.augmentation.scaled(0.5))
    targets, weights = learnt_in(tmp_path / "two", pictures, teacher=second)
    assert len(list((tmp_path / "two").glob("*/opinion.npy"))) == 2
    # The second teacher is what a pupil of the first alone is.
    learnt, start = what_to_learn(tiny_network, second, training, validation, tmp_path / "one", SEED - 1)
    pupil = tiny_network()
    pupil.set_weights(start)
    train(pupil, second, training, learnt, validation, tmp_path / "pupil", SEED - 1)
    for own, expected in zip(pupil.get_weights(), weights, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-6)
    with short_numbers():
        opinion_of_it = opinion(pupil, training, first.augmentation, SEED - 1)
    np.testing.assert_allclose(targets, 0.7 * opinion_of_it + 0.3 * one_hot(training.labels), atol=1e-5)


def test_an_opinion_is_the_mean_over_changed_views(pictures: FaceDataset):
    network, some = tiny_network(), pictures.select(slice(0, 40))
    faces = some.images[..., None]
    plain = (network.predict(faces, verbose=0) + network.predict(faces[:, :, ::-1], verbose=0)) / 2
    unchanged = opinion(network, some, Augmentation(), SEED)
    assert unchanged.sum(axis=1) == pytest.approx(1)
    np.testing.assert_allclose(unchanged, plain, atol=0.2)  # eight views, mirrored or not
    moved = opinion(network, some, Augmentation(shift=0.3), SEED)
    assert np.abs(moved - unchanged).max() > 0.01
    np.testing.assert_array_equal(opinion(network, some, Augmentation(shift=0.3), SEED), moved)
