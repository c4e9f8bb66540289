"""A recipe is followed: schedule, stop, seed, checkpoints, precision; and what was trained is read back."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from tiny import (
    CPU,
    RECIPE,
    SEED,
    TRAINING,
    VALIDATION,
    afresh,
    answers_of,
    build_mirror_equivariant,
    build_noisy,
    build_tiny,
    train_tiny,
)

from fer.network.architectures import build_modern
from fer.network.files import load_network, save_network
from fer.training.callbacks import Checkpoint, EpochLog, StopAtAccuracy
from fer.training.devices import in_dtype_policy
from fer.training.fit import compile_model, is_finished, run_folder
from fer.training.recipes import RECIPES, Recipe

SGD = RECIPE._replace(optimizer="sgd", learning_rate=0.1, weight_decay=0.1)


def fit_with(callback: StopAtAccuracy, epochs: list[tuple[float, float]]) -> int:
    """Drive a callback as `fit` does, with accuracies of training and validation; return how many epochs ran."""
    callback.set_model(keras.Model())
    callback.model.stop_training = False
    for epoch, (accuracy, val_accuracy) in enumerate(epochs):
        callback.on_epoch_end(epoch, {"accuracy": accuracy, "val_accuracy": val_accuracy, "loss": 1.0, "val_loss": 1.0})
        if callback.model.stop_training:
            return epoch + 1
    return len(epochs)


def test_stops_when_both_are_passed_and_says_why(capsys: pytest.CaptureFixture):
    stop = StopAtAccuracy(accuracy=0.75, val_accuracy=0.71)
    assert fit_with(stop, [(0.70, 0.65), (0.90, 0.70), (0.74, 0.80), (0.76, 0.72), (0.9, 0.9)]) == 4
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert all(part in said for part in ("epoch 4", "75.0%", "71.0%"))


def test_one_accuracy_alone_does_not_stop():
    assert fit_with(StopAtAccuracy(0.5, 0.9), [(1.0, 0.89)] * 3) == 3
    assert fit_with(StopAtAccuracy(0.9, 0.5), [(0.89, 1.0)] * 3) == 3


def test_the_thresholds_of_the_callback_and_of_original_are_the_project_s():
    assert fit_with(StopAtAccuracy(), [(0.75, 0.99), (0.99, 0.71), (0.751, 0.711)]) == 3
    original = RECIPES["original"]
    assert (original.stop_accuracy, original.stop_val_accuracy) == (0.75, 0.71)


def test_a_recipe_is_limited_where_a_form_field_says_so():
    recipe = RECIPES["modern"]
    assert recipe.limited_to(0, 0.0, 0.0) == recipe
    limited = recipe.limited_to(3, 0.0, 0.6)
    assert limited == recipe._replace(epochs=3, stop_val_accuracy=0.6)


@pytest.mark.parametrize("recipe", [RECIPE, SGD], ids=["adam", "sgd"])
def test_the_learning_rate_rises_for_an_epoch_and_falls_to_zero(recipe: Recipe):
    optimizer = compile_model(afresh(build_tiny), recipe, 5, CPU, (), SEED).optimizer
    rates = []
    for step in range(recipe.epochs * 5 + 1):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    assert np.argmax(rates) == 5
    assert max(rates) == pytest.approx(recipe.learning_rate)
    assert rates[0] == pytest.approx(recipe.learning_rate / 100)
    assert (np.diff(rates[:6]) > 0).all()
    assert (np.diff(rates[5:]) < 0).all()
    assert (rates[17] + rates[18]) / 2 == pytest.approx(recipe.learning_rate / 2)  # half way of half a cosine
    assert rates[-1] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("epochs", [1, 2])
def test_shortest_trainings_have_a_schedule_too(epochs: int):
    optimizer = compile_model(afresh(build_tiny), RECIPE._replace(epochs=epochs), 5, CPU, (), SEED).optimizer
    assert 0 < float(optimizer.learning_rate) <= RECIPE.learning_rate


def test_weights_decay_but_those_of_normalisation_and_biases_do_not():
    """With gradients of zero, a step leaves what does not decay where it was."""
    model = compile_model(afresh(build_mirror_equivariant), SGD._replace(learning_rate=1.0), 1, CPU, (), SEED)
    for variable in model.trainable_variables:
        variable.assign(keras.ops.ones_like(variable))
    model.optimizer.iterations.assign(1)  # the peak
    model.optimizer.apply([keras.ops.zeros_like(variable) for variable in model.trainable_variables])
    left = {variable.path.split("/")[-1]: float(np.mean(variable)) for variable in model.trainable_variables}
    assert left == pytest.approx({"kernel": 0.9, "gamma": 1, "beta": 1, "bias": 1})


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, pd.DataFrame, Path]:
    """A network with all that is random in training, its history and its folder."""
    folder = tmp_path_factory.mktemp("trained")
    network = afresh(build_noisy)
    return network, train_tiny(network, folder), folder


def test_a_training_learns_and_tells_each_epoch(trained: tuple):
    network, history, folder = trained
    assert list(history.columns) == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    assert history["epoch"].tolist() == list(range(1, 7))
    assert history["val_accuracy"].iloc[-1] > 0.95
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] / 2
    answers = answers_of(network)
    assert (answers.argmax(axis=1) == VALIDATION.labels).mean() == pytest.approx(history["val_accuracy"].iloc[-1])
    loss = -np.log(answers[np.arange(len(answers)), VALIDATION.labels]).mean()
    assert history["val_loss"].iloc[-1] == pytest.approx(loss, rel=1e-3)  # of faces as they are
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-0006.npz", "history.csv", "lock"]


def test_a_finished_training_is_read_back_with_its_lines(trained: tuple, capsys: pytest.CaptureFixture):
    network, history, folder = trained
    assert is_finished(folder, RECIPE)
    assert not is_finished(folder, RECIPE._replace(epochs=7))
    assert not is_finished(folder / "nothing", RECIPE)
    again = afresh(build_noisy, seed=99)
    pd.testing.assert_frame_equal(train_tiny(again, folder), history)
    np.testing.assert_array_equal(answers_of(again), answers_of(network))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["Epoch", f"{epoch}/6"] for epoch in range(1, 7)]
    assert f"val_accuracy {history['val_accuracy'].iloc[-1]:.4f}" in lines[-1]
    assert "min left" not in lines[-1]


def test_a_training_stops_by_itself_and_is_finished_then(tmp_path: Path, capsys: pytest.CaptureFixture):
    recipe = RECIPE._replace(epochs=60, stop_accuracy=0.9, stop_val_accuracy=0.9)
    history = train_tiny(afresh(build_tiny), tmp_path, recipe)
    assert len(history) < 10
    reached = (history["accuracy"] > 0.9) & (history["val_accuracy"] > 0.9)
    assert reached.tolist() == [False] * (len(history) - 1) + [True]
    said = capsys.readouterr().out
    assert f"stopped after epoch {len(history)}" in said
    assert "min left" in said
    assert is_finished(tmp_path, recipe)
    pd.testing.assert_frame_equal(train_tiny(afresh(build_tiny), tmp_path, recipe), history)


def test_the_minutes_left_are_those_of_the_epochs_left(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    """Two epochs of ten are done, in 300 seconds each: eight times five minutes are left."""
    seconds = iter([0.0, 300.0, 600.0])
    monkeypatch.setattr("fer.training.callbacks.time.perf_counter", lambda: next(seconds))
    log = EpochLog()
    log.set_params({"epochs": 12})
    log.on_train_begin()
    for epoch in (2, 3):  # it went on after two
        log.on_epoch_end(epoch, {"accuracy": 0.5, "val_accuracy": 0.5, "loss": 1.0, "val_loss": 1.0})
    assert [line.rpartition("  ")[2].split()[0] for line in capsys.readouterr().out.splitlines()] == ["45", "40"]


def test_a_checkpoint_restores_network_optimiser_and_epoch(tmp_path: Path):
    """So it goes on as if it had not been cut off; without dropout and augmentation to the last digit but one."""
    recipe = RECIPE._replace(augmentation={}, batch_size=len(TRAINING.labels))
    symmetrical = TRAINING._replace(images=TRAINING.images // 2 + TRAINING.images[:, :, ::-1] // 2)
    whole, parts = afresh(build_tiny), afresh(build_tiny)
    expected = train_tiny(whole, tmp_path / "whole", recipe, training=symmetrical)

    class CutOff(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            if epoch == 3:
                raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("fer.training.fit.EpochLog", CutOff)
        train_tiny(parts, tmp_path / "parts", recipe, training=symmetrical)
    kept = (tmp_path / "parts" / "epoch-0003.npz").read_bytes()
    assert len(pd.read_csv(tmp_path / "parts" / "history.csv")) == 3
    resumed = afresh(build_tiny, seed=7)  # in another session, with other weights
    history = train_tiny(resumed, tmp_path / "parts", recipe, training=symmetrical)
    np.testing.assert_allclose(history, expected, rtol=1e-5)
    np.testing.assert_allclose(answers_of(resumed), answers_of(whole), rtol=1e-4)
    # What is kept is all that training changes.
    (tmp_path / "parts" / "epoch-0006.npz").unlink()
    (tmp_path / "parts" / "epoch-0003.npz").write_bytes(kept)
    model = compile_model(afresh(build_tiny, seed=8), recipe, 1, CPU, (), SEED)
    checkpoint = Checkpoint(tmp_path / "parts")
    checkpoint.restore(model)
    assert int(model.optimizer.iterations) == 3
    assert checkpoint.history["epoch"].tolist() == [1, 2, 3]
    momenta = [np.array(variable) for variable in model.optimizer.variables if "momentum" in variable.path]
    assert momenta
    assert all(np.abs(momentum).max() > 0 for momentum in momenta)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_first_epoch(tmp_path: Path):
    """With the notebook's network and recipe, on few faces."""
    recipe, few = RECIPES["modern"]._replace(epochs=1, batch_size=8), TRAINING.select(slice(0, 32))
    first, again = (train_tiny(afresh(build_modern), tmp_path / name, recipe, training=few) for name in "ab")
    pd.testing.assert_frame_equal(again, first, check_exact=True)


def test_another_seed_gives_another_training(trained: tuple, tmp_path: Path):
    _, history, _ = trained
    other = train_tiny(afresh(build_noisy, seed=2), tmp_path, RECIPE._replace(epochs=1), seed=2)
    assert other["loss"].item() != pytest.approx(history["loss"].iloc[0], rel=1e-3)


def test_another_setting_is_another_folder(tmp_path: Path):
    folder = run_folder(tmp_path, RECIPE, TRAINING, SEED, "modern 0")
    assert folder.parent == tmp_path
    assert run_folder(tmp_path, RECIPE._replace(), TRAINING._replace(), SEED, "modern 0") == folder
    others = [
        run_folder(tmp_path, RECIPE._replace(learning_rate=0.1), TRAINING, SEED, "modern 0"),
        run_folder(tmp_path, RECIPE._replace(augmentation={}), TRAINING, SEED, "modern 0"),
        run_folder(tmp_path, RECIPE, TRAINING.select(slice(1, None)), SEED, "modern 0"),
        run_folder(tmp_path, RECIPE, TRAINING._replace(labels=TRAINING.labels[::-1]), SEED, "modern 0"),
        run_folder(tmp_path, RECIPE, TRAINING, SEED + 1, "modern 0"),
        run_folder(tmp_path, RECIPE, TRAINING, SEED, "modern 3"),
    ]
    assert len({folder, *others}) == 7


def test_a_face_and_its_mirror_image_get_the_same_answer_after_training(tmp_path: Path):
    """Also where the two halves have nothing in common: by channels that stay mirror images of each other."""
    network = afresh(build_mirror_equivariant)
    history = train_tiny(network, tmp_path, SGD._replace(weight_decay=5e-3, mixup_alpha=0.4))
    assert history["loss"].iloc[-1] < history["loss"].iloc[0] / 2
    noise = np.random.default_rng(0).integers(0, 256, VALIDATION.images.shape, np.uint8)
    lopsided = VALIDATION._replace(images=np.where(np.arange(48) < 24, VALIDATION.images, noise))
    answers = answers_of(network, lopsided)
    mirrored = answers_of(network, lopsided._replace(images=lopsided.images[:, :, ::-1]))
    assert np.ptp(answers, axis=0).max() > 0.5
    np.testing.assert_allclose(mirrored, answers, atol=2e-3)  # normalisation's statistics are of a sample of both
    upside_down = answers_of(network, lopsided._replace(images=lopsided.images[:, ::-1]))
    assert np.abs(upside_down - answers).max() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [RECIPE, SGD], ids=["adam", "sgd"])
def test_a_network_of_16_bits_trains_resumes_without_a_gpu_too_and_is_saved_with_32(recipe: Recipe, tmp_path: Path):
    on_gpu = CPU._replace(dtype_policy="mixed_float16")
    for epochs, devices in ((2, on_gpu), (4, on_gpu), (5, CPU), (6, on_gpu)):  # each goes on after the one before
        network = afresh(build_noisy, devices=devices)
        history = train_tiny(network, tmp_path / "run", recipe._replace(epochs=epochs), devices)
    assert keras.config.dtype_policy().name == "float32"  # nothing else is built with 16 bits
    assert history["val_accuracy"].iloc[-1] > 0.9
    assert {weights.dtype for weights in network.weights} == {"float32"}
    plain = in_dtype_policy("float32", build_noisy)  # as the notebook does
    plain.set_weights(network.get_weights())
    save_network(plain, tmp_path / "models")
    loaded = load_network(tmp_path / "models")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    np.testing.assert_allclose(answers_of(loaded), answers_of(network), atol=0.05)


@pytest.mark.parametrize("dtype_policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_the_loss_is_scaled_where_small_gradients_would_be_zero(dtype_policy: str):
    network = afresh(build_tiny, devices=CPU._replace(dtype_policy=dtype_policy))
    optimizer = compile_model(network, RECIPE, 5, CPU, (), SEED).optimizer
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer) == (dtype_policy == "mixed_float16")
