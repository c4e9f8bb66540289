"""Training that is killed, or whose disk, memory or numbers fail: nothing good is lost, and the next run goes on."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from test_training import ENDLESS, SEED, noisy_network, tiny_network, train_on_labels

import fer.training.training
from fer.data.dataset import FaceDataset
from fer.data.fer2013 import read_fer2013
from fer.network.files import save_network
from fer.notebook.errors import UserError, check_writable
from fer.training.augmentation import one_hot
from fer.training.checkpoints import read_history
from fer.training.training import train

LONG = ENDLESS._replace(epochs=24)
# The last save is over within milliseconds: its file waits for its name, so that no busy machine misses the moment.
WHOLE_RUN = """
import os, sys, time
from pathlib import Path
sys.path[:0] = ["src", "tests"]
import fer.training.training
from test_faults import LONG
from test_training import SEED, noisy_network, train_on_labels
from fer.data.fer2013 import read_fer2013
from fer.network.files import save_network
class Slow(fer.training.training.EpochProgress):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        time.sleep(0.2)
fer.training.training.EpochProgress = Slow
replace = os.replace
def replace_slowly(source, target):
    time.sleep(1 if os.path.basename(source) == "unfinished.fer.h5" else 0)
    replace(source, target)
os.replace = replace_slowly
network, folder = noisy_network(), Path(sys.argv[2])
print("ready", flush=True)
train_on_labels(network, LONG, read_fer2013(Path(sys.argv[1]))[0], folder, SEED)
save_network(network, folder / "models")
"""


@pytest.fixture(scope="module")
def pictures(kaggle_zip: Path) -> FaceDataset:
    return read_fer2013(kaggle_zip)[0]


def start_run(source: Path, folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", WHOLE_RUN, str(source), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while process.stdout.readline().strip() != "ready":
        assert process.poll() is None
    threading.Thread(target=process.stdout.read, daemon=True).start()  # so that it never waits for its reader
    return process


def kill_when(process: subprocess.Popen, moment: Callable[[], bool]) -> bool:
    """Kill a process with SIGKILL as soon as the moment has come; tell whether it came before its end."""
    while process.poll() is None:
        if moment():
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        time.sleep(0.0005)
    return False


def test_ten_times_killed_it_ends_like_an_uninterrupted_run(kaggle_zip: Path, pictures: FaceDataset, tmp_path: Path):
    """Real processes and SIGKILL: seven at random moments, two while a checkpoint is written, one in the final save."""
    folder, chance = tmp_path / "killed", np.random.default_rng()
    checkpoint, saving = folder / "unfinished.weights.h5", folder / "models" / "unfinished.fer.h5"
    for number in range(9):
        process, start, wait = start_run(kaggle_zip, folder), time.monotonic(), chance.uniform(0.2, 2.5)
        writes = number % 4 == 3
        assert kill_when(process, checkpoint.exists if writes else lambda: time.monotonic() > start + wait)  # noqa: B023
    assert not (folder / "models").exists(), "the nine ended too late to be in the training"
    assert kill_when(start_run(kaggle_zip, folder), saving.exists)
    assert start_run(kaggle_zip, folder).wait() == 0
    network = noisy_network()
    expected = train_on_labels(network, LONG, pictures, tmp_path / "whole", SEED)
    logs = [pd.read_csv(path / "history.csv", float_precision="round_trip") for path in (folder, tmp_path / "whole")]
    pd.testing.assert_frame_equal(*logs, check_exact=True)
    assert len(expected) == LONG.epochs
    faces = pictures.images[..., None]
    saved = keras.models.model_from_json((folder / "models" / "fer.json").read_text())
    saved.load_weights(folder / "models" / "fer.h5")
    np.testing.assert_array_equal(saved.predict(faces, verbose=0), network.predict(faces, verbose=0))


@pytest.mark.parametrize(("epoch", "averaging"), [(0, 0.0), (2, 0.0), (2, 1.0)])
def test_a_cell_that_is_stopped_and_run_again_comes_to_the_same_end(
    epoch: int, averaging: float, pictures: FaceDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With the network that it had begun to train, as in the notebook."""

    class Stopped(fer.training.training.EpochProgress):
        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            if len(read_history(tmp_path / "stopped" / "history.csv")) == epoch and batch == 1:
                raise KeyboardInterrupt

    network, recipe = noisy_network(), LONG._replace(epochs=4, averaging=averaging)
    untrained = network.get_weights()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fer.training.training, "EpochProgress", Stopped)
        train_on_labels(network, recipe, pictures, tmp_path / "stopped", SEED)
    network.set_weights(untrained)
    again = train_on_labels(network, recipe, pictures, tmp_path / "stopped", SEED)
    uninterrupted = noisy_network()
    whole = train_on_labels(uninterrupted, recipe, pictures, tmp_path / "whole", SEED)
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
    for own, expected in zip(network.get_weights(), uninterrupted.get_weights(), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_killed_after_its_last_epoch_it_is_finished(
    pictures: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture
):
    """One that had stopped by itself must not go on beyond that when it is run again."""
    stopping = ENDLESS._replace(epochs=60, stop_accuracy=0.9)
    first = train_on_labels(tiny_network(), stopping, pictures, tmp_path, SEED)
    assert len(first) < 60
    capsys.readouterr()
    pd.testing.assert_frame_equal(train_on_labels(tiny_network(), stopping, pictures, tmp_path, SEED), first)
    said = capsys.readouterr().out
    assert "finished" in said
    assert "Epoch" not in said


def test_a_loss_that_runs_away_keeps_the_last_good_weights(
    pictures: FaceDataset, tmp_path: Path, capsys: pytest.CaptureFixture
):
    """The targets break after two good epochs."""
    training = pictures.split("Training")
    targets = one_hot(training.labels)
    run = pictures.split("PublicTest"), tmp_path, SEED
    train(tiny_network(), ENDLESS._replace(epochs=2), training, targets, *run)
    good = (tmp_path / "best.weights.h5").read_bytes()
    capsys.readouterr()
    network = tiny_network()
    history = train(network, ENDLESS, training, np.full_like(targets, np.nan), *run)
    said = capsys.readouterr().out
    assert "no number any more (epoch 3)" in said
    assert len(history) == 3
    assert (tmp_path / "best.weights.h5").read_bytes() == good
    assert np.isfinite(network.predict(pictures.images[:3, ..., None], verbose=0)).all()


def test_a_run_without_one_good_epoch_says_so(pictures: FaceDataset, tmp_path: Path):
    with pytest.raises(UserError, match="smaller learning rate"):
        train_on_labels(tiny_network(), ENDLESS._replace(learning_rate=float("nan")), pictures, tmp_path, SEED)


def test_memory_that_does_not_suffice_is_said(pictures: FaceDataset, tmp_path: Path):
    """A layer of 400 TB: TensorFlow's own refusal, and no other."""
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.RepeatVector(2_000_000_000 // 64)(keras.layers.UpSampling1D(700)(x[..., None])[..., 0])
    greedy = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling1D()(x)))
    with pytest.raises(UserError, match="memory does not suffice"):
        train_on_labels(greedy, ENDLESS, pictures, tmp_path, SEED)


def test_two_notebooks_do_not_train_one_run(kaggle_zip: Path, pictures: FaceDataset, tmp_path: Path):
    process = start_run(kaggle_zip, tmp_path)
    while not (tmp_path / "last.weights.h5").exists():
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)  # it stands still, and is there
    with pytest.raises(UserError, match="Another notebook is training this very run"):
        train_on_labels(noisy_network(), LONG, pictures, tmp_path, SEED)
    process.kill()
    process.wait()
    assert len(train_on_labels(noisy_network(), LONG, pictures, tmp_path, SEED)) == LONG.epochs  # a dead one locks none


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system of its own; skips where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(pictures: FaceDataset, tmp_path: Path):
    with small_disk(tmp_path / "small", "size=1m") as disk:
        history = train_on_labels(noisy_network(), LONG._replace(epochs=2), pictures, disk / "run", SEED)
        good = (disk / "run" / "best.weights.h5").read_bytes()
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(4096))
        with pytest.raises(UserError, match="its disk is full"):
            train_on_labels(noisy_network(), LONG._replace(epochs=4), pictures, disk / "run", SEED)
        assert (disk / "run" / "best.weights.h5").read_bytes() == good
        with pytest.raises(UserError, match="its disk is full"):
            save_network(noisy_network(), disk / "models")
        filler.unlink()
        again = train_on_labels(noisy_network(), LONG._replace(epochs=4), pictures, disk / "run", SEED)
        pd.testing.assert_frame_equal(again.head(2), history)
        assert len(again) == 4


def test_a_read_only_folder_is_found_before_the_training(tmp_path: Path):
    refusal = r"Nothing can be written in .*/fixed/results: Read-only file system"
    with small_disk(tmp_path / "fixed", "size=1m,ro") as disk, pytest.raises(UserError, match=refusal):
        check_writable(tmp_path, disk / "results")
    check_writable(tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())
