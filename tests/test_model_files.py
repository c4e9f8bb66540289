"""Model files: saved whole, loaded only if they are sound."""

import json
import shutil
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from conftest import ROOT

from fer.network.architectures import build_modern
from fer.network.files import UnusableModelError, load_network, read_classes, save_network

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


def test_a_network_with_a_list_of_one_input_is_used_without_a_warning(tmp_path: Path):
    inputs = keras.Input((48, 48, 1))
    outputs = keras.layers.Dense(5, activation="softmax")(keras.layers.Flatten()(inputs))
    network = keras.Model([inputs], [outputs])
    save_network(network, tmp_path)
    with warnings.catch_warnings(action="error"):
        answers = load_network(tmp_path)(FACES)
    np.testing.assert_allclose(answers, network.predict([FACES], verbose=0), atol=1e-6)


def test_a_network_for_something_else_is_refused(tmp_path: Path):
    inputs = keras.Input((48, 48, 1))
    save_network(keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(inputs))), tmp_path)
    with pytest.raises(UnusableModelError, match=r"\(7,\), not"):
        load_network(tmp_path)


def keras_2(version: str, **keys: object) -> str:
    """The fer.json of a small network of seven classes as some Keras 2 wrote it; see `write_keras_2`."""
    shape = {"batch_input_shape": [None, 48, 48, 1], "dtype": "float32"}
    ones = {"class_name": "Ones", "config": {}}
    convolution = {"name": "conv", "filters": 3, "kernel_size": [3, 3], "activation": "relu", "bias_initializer": ones}
    head = {"name": "head", "units": 7, "activation": "linear", "kernel_regularizer": None}
    layers = [
        {"class_name": "InputLayer", "config": {**shape, "sparse": False, "ragged": False, "name": "conv_input"}},
        {"class_name": "Conv2D", "config": {**shape, **convolution, "groups": 1}},
        {"class_name": "SeparableConv2D", "config": {"name": "two", "filters": 4, "kernel_size": 3, "groups": 1}},
        {"class_name": "BatchNormalization", "config": {"name": "normalise", "axis": [3]}},
        {"class_name": "Flatten", "config": {"name": "flatten", "data_format": "channels_last"}},
        {"class_name": "Dense", "config": head},
        {"class_name": "Activation", "config": {"name": "softmax", "activation": "softmax"}},
    ]
    config = {"name": "sequential_5", "layers": layers}
    if version == "2.2.2":  # the list alone, and no layer for the input
        config = layers[1:]
    if version == "2.15.0":
        for layer in layers:
            layer |= {"module": "keras.layers", "registered_name": None, "build_config": {"input_shape": None}}
        ones |= {"module": "keras.initializers", "registered_name": None}
    return json.dumps({"class_name": "Sequential", "config": config, "keras_version": version, **keys})


@pytest.fixture(scope="module")
def seven() -> keras.Model:
    """The network that `keras_2` describes."""
    keras.utils.set_random_seed(4)
    layers = keras.layers
    parts = [layers.Conv2D(3, 3, activation="relu"), layers.SeparableConv2D(4, 3), layers.BatchNormalization()]
    parts += [layers.Flatten(), layers.Dense(7), layers.Activation("softmax")]
    return keras.Sequential([keras.Input((48, 48, 1)), *parts])


SEVEN = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]  # in the alphabet's order


@pytest.mark.parametrize(("version", "scaling"), [("2.2.2", [0, 255]), ("2.4.0", [0, 1]), ("2.15.0", [-1, 1])])
def test_a_network_of_keras_2_is_loaded_as_it_says(
    version: str, scaling: list[int], seven: keras.Model, tmp_path: Path, capfd: pytest.CaptureFixture
):
    seven.save(tmp_path / "fer.h5")
    (tmp_path / "fer.json").write_text(keras_2(version, classes=SEVEN, scaling=scaling))
    capfd.readouterr()
    loaded = load_network(tmp_path)
    assert capfd.readouterr().err == ""
    black, white = scaling
    expected = seven.predict(black + FACES / 255 * (white - black), verbose=0)
    np.testing.assert_allclose(loaded.predict(FACES, verbose=0), expected, rtol=1e-3, atol=1e-6)
    assert list(read_classes(tmp_path)) == SEVEN


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({}, "does not say classes and scaling,.*README"),
        ({"classes": SEVEN}, "does not say scaling,"),
        ({"scaling": [0, 1]}, "does not say classes,"),
        ({"classes": SEVEN[:5], "scaling": [0, 1]}, r"\(7,\), not .* probabilities of the 5 classes"),
        ({"classes": dict.fromkeys(SEVEN, 0), "scaling": [0, 1]}, "names of the classes .* a list"),
        ({"classes": SEVEN, "scaling": "0-1"}, "scaling in .* is 0-1; two numbers"),
        ({"classes": SEVEN, "scaling": [1, 1]}, "two numbers"),
        ({"classes": SEVEN, "scaling": [0, float("nan")]}, "two numbers"),
    ],
)
def test_nothing_is_assumed_of_another_network(said: dict, missing: str, seven: keras.Model, tmp_path: Path):
    seven.save(tmp_path / "fer.h5")
    (tmp_path / "fer.json").write_text(keras_2("2.4.0", **said))
    with pytest.raises(UnusableModelError, match=missing):
        load_network(tmp_path)


def test_weights_as_keras_3_prefers_to_save_them(seven: keras.Model, tmp_path: Path):
    save_network(seven, tmp_path, tuple(SEVEN))
    (tmp_path / "SHA256SUMS").unlink()
    seven.save_weights(tmp_path / "fer.weights.h5")
    (tmp_path / "fer.weights.h5").rename(tmp_path / "fer.h5")
    np.testing.assert_allclose(load_network(tmp_path).predict(FACES), seven.predict(FACES), rtol=1e-5)


def test_answers_that_are_no_probabilities_are_refused(seven: keras.Model, tmp_path: Path):
    likely = keras.layers.Activation("sigmoid")(seven.layers[-2].output)  # each by itself, as of several labels
    save_network(keras.Model(seven.inputs[0], likely), tmp_path, tuple(SEVEN))
    with pytest.raises(UnusableModelError, match=r"its answers sum to .*softmax"):
        load_network(tmp_path)
    seven = keras.models.clone_model(seven)
    seven.set_weights([np.nan * weights for weights in seven.get_weights()])  # after a training that diverged
    save_network(seven, tmp_path, tuple(SEVEN))
    with pytest.raises(UnusableModelError, match="its answers sum to nan"):
        load_network(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_description_may_be_edited_in_windows(encoding: str, folder: Path):
    described = (folder / "fer.json").read_text()
    (folder / "fer.json").write_text(described, encoding)
    (folder / "SHA256SUMS").unlink()
    load_network(folder)


def test_a_page_about_a_file_is_called_so(folder: Path):
    (folder / "fer.h5").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 7020568\n")
    with pytest.raises(UnusableModelError, match="a page about it or a pointer to it"):
        load_network(folder)
    (folder / "fer.h5").write_bytes(b"PK\3\4")
    with pytest.raises(UnusableModelError, match=r"\.keras files are; models/README"):
        load_network(folder)


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
    with pytest.raises(UnusableModelError, match=rf"{name} in .* cannot be read \(20,000 bytes\).* Run all") as caught:
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


@pytest.mark.parametrize("keys", [{}, {"keras_version": "2.4.0"}])
def test_code_in_a_model_is_refused_not_run(keys: dict, folder: Path, tmp_path: Path):
    """A Lambda layer is Python code; loading it would run what a stranger wrote."""
    proof = tmp_path / "proof"
    inputs = keras.Input((48, 48, 1))
    # The path is written into the code: with a default argument Keras could not read it back even where it may.
    write = eval(f"lambda x: (open({str(proof)!r}, 'w'), x)[1]")  # noqa: S307
    evil = keras.Model(inputs, keras.layers.Lambda(write)(inputs))
    proof.unlink()
    described = json.loads(evil.to_json()) | {"classes": SEVEN, "scaling": [0, 255]} | keys
    (folder / "fer.json").write_text(json.dumps(described))
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(UnusableModelError, match=r"cannot be loaded: .*`?Lambda`? layer"):
        load_network(folder)
    assert not proof.exists()


def test_committed_json_names_standard_layers_only():
    layers = json.loads((ROOT / "models" / "fer.json").read_text())["config"]["layers"]
    assert {layer["module"] for layer in layers} <= {"keras.layers"}
    assert "Lambda" not in {layer["class_name"] for layer in layers}
    assert (ROOT / "models" / "fer.h5").stat().st_size < 12_000_000
