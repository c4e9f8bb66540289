"""Training uses what the machine has, and says what it cannot use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, drawn_face
from test_training import ENDLESS, SEED, afresh, build_noisy, build_tiny

from fer.data.dataset import FaceDataset
from fer.network.architectures import build_modern
from fer.training import hardware
from fer.training.augmentation import one_hot
from fer.training.hardware import Hardware, build_on, plain_copy, workers_named_in
from fer.training.training import RECIPES, for_devices, lineage, train


def python(*arguments: str, **environment: str) -> subprocess.Popen:
    """Start a Python that finds our modules and tests."""
    places = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    return subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": places, "TQDM_DISABLE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture(scope="module")
def trained_on_devices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devices")
    process = python(str(ROOT / "tests" / "devices.py"), str(folder))
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "Going on after epoch 1" in output
    return folder


@pytest.fixture(scope="module")
def histories(trained_on_devices: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_csv(path) for path in trained_on_devices.glob("*.csv")}


def test_two_devices_learn_what_one_learns(histories: dict[str, pd.DataFrame]):
    """At the same batch, without dropout and batch statistics, which are each device's own: equal to five digits."""
    np.testing.assert_allclose(histories["two"], histories["one"], rtol=1e-5)
    assert histories["one"]["loss"].iloc[-1] < histories["one"]["loss"].iloc[0] / 2


def test_a_run_on_two_devices_that_was_cut_off_goes_on(histories: dict[str, pd.DataFrame]):
    """Its training is the same to the last digits; what is measured beside it, to a hundredth.

    The statistics that batch normalisation keeps are each device's own until they are saved, as their mean.
    """
    whole, resumed = histories["whole"], histories["resumed"]
    np.testing.assert_allclose(resumed[["accuracy", "loss"]], whole[["accuracy", "loss"]], rtol=1e-5)
    np.testing.assert_allclose(resumed["val_loss"], whole["val_loss"], rtol=0.01)


def test_on_two_devices_an_averaged_network_is_measured_as_on_one(trained_on_devices: Path):
    one, two = (np.load(trained_on_devices / f"averaged-on-{count}.npy") for count in ("one", "two"))
    np.testing.assert_allclose(two, one, atol=0.05)
    assert np.ptp(one) > 0.5


def test_on_two_devices_twins_stay_twins(trained_on_devices: Path):
    faces, mirrored = np.load(trained_on_devices / "twins.npy")
    np.testing.assert_allclose(mirrored, faces, atol=1e-3)
    assert np.ptp(faces, axis=0).max() > 0.1


WORKER = """
from fer.training.hardware import find_hardware
import devices, test_training, tensorflow as tf, sys, pathlib
hardware = find_hardware()
print(*hardware.remarks, hardware.replicas, sep="\\n")
devices.write_history(pathlib.Path(sys.argv[1]), hardware.strategy, test_training.build_tiny, pathlib.Path(sys.argv[2]))
"""


def test_two_workers_do_not_wait_for_each_other(tmp_path: Path):
    """Keras 3 cannot train on several machines: each is told so and trains by itself."""
    workers = {"worker": ["localhost:12345", "localhost:12346"]}
    configs = [json.dumps({"cluster": workers, "task": {"type": "worker", "index": index}}) for index in range(2)]
    processes = [
        python("-c", WORKER, str(tmp_path / f"{n}.csv"), str(tmp_path / f"run-{n}"), TF_CONFIG=config)
        for n, config in enumerate(configs)
    ]
    for number, process in enumerate(processes):
        output, _ = process.communicate(timeout=200)
        assert process.returncode == 0, output
        assert "Keras 3 cannot train on more than one" in output
        assert len(pd.read_csv(tmp_path / f"{number}.csv")) == 3


def test_a_tpu_that_does_not_answer_is_told_and_the_processor_is_used():
    code = (
        "from fer.training.hardware import find_hardware; h = find_hardware(); print(*h.remarks, h.replicas, sep='\\n')"
    )
    process = python("-c", code, TPU_NAME="local", TF_CPP_MIN_LOG_LEVEL="3")
    output, _ = process.communicate(timeout=200)
    assert process.returncode == 0, output
    assert "The TPU that this machine promises does not answer" in output
    assert output.splitlines()[-1] == "1"
    assert "Runtime → Change runtime type → T4 GPU" in output  # what it costs, and the way to one


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("{}", 0),
        ("no json", 0),
        ("[]", 0),
        ('{"cluster": {"worker": ["a:1"]}}', 1),
        ('{"cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}}', 3),
    ],
)
def test_workers_in_tf_config(text: str, count: int):
    assert workers_named_in(text) == count


def test_each_device_gets_a_batch_of_the_recipe_s_size():
    recipe = RECIPES["modern"]
    assert for_devices(recipe, 1) == recipe
    for ours, theirs in zip(lineage(recipe), lineage(for_devices(recipe, 4)), strict=True):
        assert theirs.batch_size == 4 * ours.batch_size
        assert theirs.learning_rate == pytest.approx(4 * ours.learning_rate)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_a_network_of_16_bits_trains_resumes_and_is_saved_with_32(precision: str, tmp_path: Path):
    labels = np.arange(100) % 5
    faces = FaceDataset(np.stack([drawn_face(label, n) for n, label in enumerate(labels)]), labels, np.full(100, "x"))
    one = Hardware(hardware.tf.distribute.get_strategy(), precision, ())

    def run(epochs: int, folder: str) -> tuple[keras.Model, pd.DataFrame]:
        network = afresh(lambda: build_on(one, build_noisy))
        recipe = ENDLESS._replace(epochs=epochs, batch_size=16, learning_rate=0.02)
        return network, train(network, recipe, faces, one_hot(labels), faces, tmp_path / folder, SEED)

    network, history = run(8, "whole")
    assert history["val_accuracy"].max() > 0.9
    assert run(8, "whole")[1].equals(history)  # read back: what it computes with does not hide how far it was
    plain = plain_copy(network, build_noisy)
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    images = faces.images[..., None]
    np.testing.assert_allclose(plain.predict(images, verbose=0), network.predict(images, verbose=0), atol=0.05)
    assert keras.config.dtype_policy().name == "float32"  # nothing else is built with 16 bits


def test_short_numbers_are_used_inside_alone_and_only_where_the_processor_has_them():
    network = afresh(build_modern)
    faces = np.stack([drawn_face(label, 0) for label in range(5)])[..., None]

    def answer(has_units: bool) -> np.ndarray:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hardware, "has_short_units", lambda: has_units)
            with hardware.short_numbers():
                return network.predict(faces, verbose=0)

    exact = network.predict(faces, verbose=0)
    np.testing.assert_array_equal(answer(has_units=False), exact)
    if hardware.has_short_units():
        rough = answer(has_units=True)
        assert not np.array_equal(rough, exact)
        np.testing.assert_allclose(rough, exact, atol=0.03)
    np.testing.assert_array_equal(network.predict(faces, verbose=0), exact)


SHORT = pytest.mark.skipif(not hardware.has_short_units(), reason="needs a processor with units for bfloat16")


@SHORT
def test_a_training_uses_short_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It rounds otherwise, and a little: what it saves is time, which no test can count on."""
    labels = np.arange(100) % 5
    faces = FaceDataset(
        np.stack([drawn_face(label, n) for n, label in enumerate(labels)]), labels, np.full(100, "Training")
    )

    def loss(folder: str) -> float:
        recipe = RECIPES["original"]._replace(epochs=1)
        return train(afresh(build_tiny), recipe, faces, one_hot(labels), faces, tmp_path / folder, 1)["loss"].item()

    short = loss("short")
    monkeypatch.setattr(hardware, "has_short_units", lambda: False)
    exact = loss("exact")
    assert short != exact
    assert short == pytest.approx(exact, rel=0.01)


@SHORT
def test_what_batch_normalisation_expects_is_measured_with_32_bits():
    """With 16, a moving mean stays where a step of a hundredth is less than their last digit: a third off and more."""
    faces = np.stack([drawn_face(n % 5, n) for n in range(16)])[..., None]

    def build() -> keras.Model:
        inputs = keras.Input((48, 48, 1))
        x = keras.layers.Conv2D(8, 3)(keras.layers.Rescaling(1 / 50)(inputs))
        x = keras.layers.BatchNormalization(name="normalise")(x)
        return keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))

    def statistics(has_units: bool) -> list[np.ndarray]:
        network = afresh(build)
        network.compile(keras.optimizers.SGD(0.0), "mse")
        many = np.tile(faces, (300, 1, 1, 1))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(hardware, "has_short_units", lambda: has_units)
            with hardware.short_numbers():
                network.fit(many, np.zeros((len(many), 8)), batch_size=16, shuffle=False, verbose=0)
        return [np.array(values) for values in network.get_layer("normalise").non_trainable_weights]

    for short, exact in zip(statistics(hardware.has_short_units()), statistics(False), strict=True):
        np.testing.assert_allclose(short, exact, rtol=0.03, atol=0.01)


def test_what_an_error_interrupts_leaves_no_short_numbers_behind(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hardware, "has_short_units", lambda: True)
    options = hardware.tf.config.optimizer.get_experimental_options
    with pytest.raises(KeyboardInterrupt), hardware.short_numbers():
        assert options()["auto_mixed_precision_onednn_bfloat16"]
        raise KeyboardInterrupt
    assert not any(options().values())


@pytest.mark.parametrize(
    ("flags", "tensorflow", "has_units"),
    [
        ("fma avx512f avx512_bf16", "2.21.0", True),
        ("amx_bf16 amx_tile", "3.0.0", True),
        ("fma avx2 avx512f", "2.21.0", False),
        (None, "2.21.0", False),
        ("fma avx512f avx512_bf16", "2.20.1", False),  # it would write a line to stderr for every function
    ],
)
def test_processors_tell_whether_they_have_units_for_short_numbers(
    flags: str | None, tensorflow: str, has_units: bool, monkeypatch: pytest.MonkeyPatch
):
    def read(path: Path) -> str:
        if flags is None:  # not Linux
            raise FileNotFoundError(path)
        return f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t:\n"

    with monkeypatch.context() as patch:
        patch.setattr(hardware.Path, "read_text", read)
        patch.setattr(hardware.tf, "__version__", tensorflow)
        assert hardware.has_short_units() == has_units
        assert any("bfloat16" in remark for remark in hardware.find_hardware().remarks) == has_units


def test_the_first_and_last_steps_of_modern_have_32_bits():
    """Grey values above 256 steps and probabilities suffer from 8 bits of mantissa."""
    network = hardware.in_precision("mixed_bfloat16", build_modern)
    assert network.get_layer("scale").compute_dtype == "float32"
    assert network.get_layer("standardise").compute_dtype == "float32"
    assert network.output.dtype == "float32"
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
