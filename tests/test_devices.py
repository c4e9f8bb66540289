"""Training uses what the machine has, and says what that is and how long it takes."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from tiny import CPU, VALIDATION

from fer.network.architectures import build_modern, multiply_adds
from fer.training.devices import Devices, estimate_hours, find_devices, gpu_dtype_policy, in_dtype_policy
from fer.training.recipes import RECIPES

SOURCES = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])


class Trained(NamedTuple):
    """What tests/on_devices.py wrote."""

    one: pd.DataFrame
    two: pd.DataFrame
    paired: pd.DataFrame
    answers: np.ndarray


def run_on(backend: str, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess:
    """Run Python with these arguments and environment variables in a process of its own, which must end well."""
    environment = os.environ | {"PYTHONPATH": SOURCES, "KERAS_BACKEND": backend, **variables}
    command = [sys.executable, *map(str, arguments)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran


def train_on_devices(backend: str, folder: Path) -> Trained:
    """Run tests/on_devices.py with two virtual devices."""
    two_devices = "--xla_force_host_platform_device_count=2"
    run_on(backend, ROOT / "tests" / "on_devices.py", folder, XLA_FLAGS=two_devices)
    histories = [pd.read_csv(folder / f"{name}.csv") for name in ("one", "two", "paired")]
    return Trained(*histories, np.load(folder / "answers.npy"))


@pytest.fixture(scope="session")
def on_tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_on_devices("tensorflow", tmp_path_factory.mktemp("tensorflow"))


@pytest.fixture(scope="session")
def on_jax(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    if not find_spec("jax"):
        pytest.skip("JAX is not installed")
    return train_on_devices("jax", tmp_path_factory.mktemp("jax"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_learn_what_one_learns_also_when_cut_off(backend: str, request: pytest.FixtureRequest):
    """At the same batch, to five digits; the one on two devices was cut off after an epoch and went on."""
    trained = request.getfixturevalue(f"on_{backend}")
    learnt = ["epoch", "accuracy", "loss"]
    assert len(trained.one) == 6
    np.testing.assert_allclose(trained.two[learnt], trained.one[learnt], rtol=1e-5)
    assert trained.one["loss"].iloc[-1] < 0.7 * trained.one["loss"].iloc[0]
    # One of 63 faces for validation is measured twice, so that each device has as many.
    np.testing.assert_allclose(trained.two["val_accuracy"], trained.one["val_accuracy"], atol=1 / 63)
    np.testing.assert_allclose(trained.two["val_loss"], trained.one["val_loss"], rtol=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_on_two_devices_mirror_images_get_the_same_answer(backend: str, request: pytest.FixtureRequest):
    faces, mirrored = request.getfixturevalue(f"on_{backend}").answers
    assert np.ptp(faces, axis=0).max() > 0.5
    np.testing.assert_allclose(mirrored, faces, atol=2e-3)


@pytest.mark.slow
def test_tensorflow_and_jax_learn_equally_well(on_tensorflow: Trained, on_jax: Trained):
    """Their random numbers differ: as many of 63 faces are right but for chance, and the loss falls alike."""
    one, other = (trained.paired["val_accuracy"].iloc[-1] for trained in (on_tensorflow, on_jax))
    chance = 2 * np.sqrt(2 * 0.1 * 0.9 / len(VALIDATION.labels))  # two standard deviations, where nine of ten are right
    assert min(one, other) > 0.8
    assert abs(one - other) < chance
    one, other = (trained.paired["loss"].iloc[-1] for trained in (on_tensorflow, on_jax))
    assert one == pytest.approx(other, abs=0.1)


@pytest.mark.slow
def test_pytorch_trains_with_all_that_changes_faces(tmp_path: Path):
    """Its tensors do not mix with numpy's arrays, as those of TensorFlow and JAX do."""
    if not find_spec("torch"):
        pytest.skip("PyTorch is not installed")
    ran = run_on("torch", ROOT / "tests" / "on_torch.py", tmp_path)
    for name in ("teacher", "student"):
        history = pd.read_csv(tmp_path / f"{name}.csv")
        assert history["val_accuracy"].iloc[-1] > 0.5, name
    assert ran.stderr == ""


@pytest.mark.slow
def test_another_backend_starts_without_what_tensorflow_says_of_itself():
    """Keras imports TensorFlow for its random numbers, too."""
    if not find_spec("jax"):
        pytest.skip("JAX is not installed")
    work = "from fer.notebook.setup import start_keras; start_keras(); import keras; keras.utils.set_random_seed(1)"
    ran = run_on("jax", "-c", work)
    assert (ran.stdout, ran.stderr) == (f"Keras {keras.__version__} on jax.\n", "")


def test_without_a_gpu_the_processor_is_used_and_the_way_to_a_gpu_said():
    devices = find_devices()
    assert devices == CPU
    assert f"{os.cpu_count()} processor cores" in str(devices)
    assert "Runtime → Change runtime type → T4 GPU" in str(devices)
    assert not devices.jit_compile  # on a processor, TensorFlow is faster without XLA


def test_what_it_is_trained_on_is_said():
    assert str(CPU._replace(kind="GPU", dtype_policy="mixed_float16")) == "Training on 1 GPU, in mixed_float16."
    assert str(CPU._replace(kind="GPU", count=2)) == "Training on 2 GPUs, in float32."


@pytest.mark.parametrize(
    ("capability", "policy"),
    [((6, 1), "float32"), ((7, 0), "mixed_float16"), ((7, 5), "mixed_float16"), ((8, 0), "mixed_bfloat16")],
)
def test_gpus_compute_with_16_bits_where_they_have_units_for_them(capability: tuple[int, int], policy: str):
    assert gpu_dtype_policy(capability) == policy


def test_hours_are_estimated_from_operations():
    """Six for each multiplication and addition: there, and twice as many on the way back; two where teachers answer."""
    network, faces = build_modern(), 1000
    recipe = RECIPES["modern"]._replace(epochs=10)
    teacher_recipe = recipe._replace(width_factor=2)
    gpu = Devices("GPU", 1, "mixed_float16", CPU.scope)
    alone = estimate_hours(gpu, network, faces, recipe, 0, teacher_recipe)
    assert alone == pytest.approx(6 * multiply_adds(network) * faces * 10 / 8e12 / 3600)
    assert estimate_hours(gpu._replace(count=2), network, faces, recipe, 0, teacher_recipe) == pytest.approx(alone / 2)
    taught = estimate_hours(gpu, network, faces, recipe, 3, teacher_recipe)
    assert taught == pytest.approx(alone * (1 + 3 * 4 + 3 * 4 / 3))
    by_one_core = estimate_hours(CPU, network, faces, recipe, 0, teacher_recipe) * os.cpu_count()
    assert by_one_core == pytest.approx(alone * 8e12 / 6e10)


def test_the_first_and_last_steps_of_modern_have_32_bits():
    """Grey values above 256 steps and probabilities suffer from 8 bits of mantissa."""
    network = in_dtype_policy("mixed_bfloat16", build_modern)
    assert network.get_layer("scale").compute_dtype == "float32"
    assert network.get_layer("standardise").compute_dtype == "float32"
    assert network.output.dtype == "float32"
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.compute_dtype for layer in convolutions} == {"bfloat16"}
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path: Path):
    """At the same batch, to five digits, as on two machines; both go on with what the first kept in their folder."""
    if not find_spec("jax"):
        pytest.skip("JAX is not installed")

    def start(count: int, number: int) -> subprocess.Popen:
        meet_at = f"localhost:{12398 + count}"
        command = [sys.executable, ROOT / "tests" / "on_processes.py", tmp_path / str(count), meet_at, count, number]
        environment = os.environ | {"PYTHONPATH": SOURCES, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
        return subprocess.Popen([*map(str, command)], env=environment, stderr=subprocess.PIPE, text=True)

    for processes in ([start(1, 0)], [start(2, 0), start(2, 1)]):
        for process in processes:
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0, errors[-3000:]
    alone = pd.read_csv(tmp_path / "1" / "history-0.csv")
    assert len(alone) == 6
    for number in (0, 1):
        together = pd.read_csv(tmp_path / "2" / f"history-{number}.csv")
        learnt = ["epoch", "accuracy", "loss"]
        np.testing.assert_allclose(together[learnt], alone[learnt], rtol=1e-5)
        np.testing.assert_allclose(together["val_accuracy"], alone["val_accuracy"], atol=1 / 63)
