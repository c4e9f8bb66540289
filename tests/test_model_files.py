"""Model files: saved whole, loaded only if they are sound."""

import json
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from conftest import ROOT

from fer.network.architectures import build_modern
from fer.network.files import UnusableModelError, load_network, save_network

FACES = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1)).astype("float32")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the committed models."""
    return Path(shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("runs")))


def test_all_ways_to_load_give_the_same(tmp_path: Path, capsys: pytest.CaptureFixture):
    network = build_modern()
    expected = network.predict(FACES, verbose=0)
    save_network(network, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["SHA256SUMS", "fer.h5", "fer.json"]
    assert capsys.readouterr().err == ""
    by_hand = keras.models.model_from_json((tmp_path / "fer.json").read_text())
    by_hand.load_weights(tmp_path / "fer.h5")
    for loaded in (load_network(tmp_path), by_hand, keras.models.load_model(tmp_path / "fer.h5", compile=False)):
        np.testing.assert_array_equal(loaded.predict(FACES, verbose=0), expected)


def test_older_keras_can_read_what_a_newer_one_saved(tmp_path: Path):
    """Keras 3.15 writes names that 3.10 to 3.13 refuse (seen: input_axes, quantization_config, renorm)."""
    save_network(build_modern(), tmp_path)
    with h5py.File(tmp_path / "fer.h5") as file:
        inside = file.attrs["model_config"]
    for text in ((tmp_path / "fer.json").read_text(), inside):
        assert not any(name in text for name in ("input_axes", "quantization_config", "renorm"))
        layers = json.loads(text)["config"]["layers"]
        assert not any(value is None for layer in layers for value in layer["config"].values())


def test_files_of_somebody_s_own_need_no_checksums(folder: Path):
    (folder / "SHA256SUMS").unlink()
    assert load_network(folder).output.shape == (None, 5)


def test_a_network_for_something_else_is_refused(tmp_path: Path):
    inputs = keras.Input((48, 48, 1))
    save_network(keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(inputs))), tmp_path)
    with pytest.raises(UnusableModelError, match=r"\(7,\), not"):
        load_network(tmp_path)


@pytest.mark.parametrize("name", ["fer.json", "fer.h5"])
def test_missing_file(name: str, folder: Path):
    (folder / name).unlink()
    with pytest.raises(UnusableModelError, match=f"There is no {name} in .* then choose Run all again"):
        load_network(folder)


@pytest.mark.parametrize("name", ["fer.json", "fer.h5"])
@pytest.mark.parametrize("with_checksums", [True, False])
def test_half_an_upload_is_called_so_without_jargon(name: str, with_checksums: bool, folder: Path):
    (folder / name).write_bytes((folder / name).read_bytes()[:20_000])
    if not with_checksums:
        (folder / "SHA256SUMS").unlink()
    with pytest.raises(UnusableModelError, match=rf"{name} in .* is not whole \(20,000 bytes\).* Run all") as caught:
        load_network(folder)
    assert str(folder.resolve()) in str(caught.value)
    assert not any(word in str(caught.value) for word in ("HDF5", "synchronously", "eof", "delimiter", "char "))


@pytest.mark.parametrize("name", ["fer.json", "fer.h5"])
@pytest.mark.parametrize("with_checksums", [True, False])
def test_a_file_of_another_network(name: str, with_checksums: bool, folder: Path, tmp_path: Path):
    inputs = keras.Input((48, 48, 1))
    save_network(keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(inputs))), tmp_path / "other")
    shutil.copy(tmp_path / "other" / name, folder)
    if not with_checksums:
        (folder / "SHA256SUMS").unlink()
    with pytest.raises(UnusableModelError, match="SHA256SUMS describes" if with_checksums else "cannot be loaded"):
        load_network(folder)


def test_code_in_a_model_is_refused_not_run(folder: Path, tmp_path: Path):
    """A Lambda layer is Python code; loading it would run what a stranger wrote."""
    proof = tmp_path / "proof"
    inputs = keras.Input((48, 48, 1))
    # The path is written into the code: with a default argument Keras could not read it back even where it may.
    write = eval(f"lambda x: (open({str(proof)!r}, 'w'), x)[1]")  # noqa: S307
    evil = keras.Model(inputs, keras.layers.Lambda(write)(inputs))
    proof.unlink()
    (folder / "fer.json").write_text(evil.to_json())
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(UnusableModelError, match=r"cannot be loaded: .*`?Lambda`? layer"):
        load_network(folder)
    assert not proof.exists()


def test_committed_json_names_standard_layers_only():
    layers = json.loads((ROOT / "models" / "fer.json").read_text())["config"]["layers"]
    assert {layer["module"] for layer in layers} <= {"keras.layers"}
    assert "Lambda" not in {layer["class_name"] for layer in layers}
    assert (ROOT / "models" / "fer.h5").stat().st_size < 12_000_000
