"""Training that is killed, or whose disk, memory or numbers fail: nothing good is lost, and the next run goes on."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, small_disk
from tiny import RECIPE, VALIDATION, afresh, answers_of, build_noisy, build_tiny, train_tiny

from fer.network.files import load_network, save_network
from fer.notebook.errors import UserError, check_writable

LONG = RECIPE._replace(epochs=8)
# Weights are written slowly, half of them first, so that no busy machine misses the moment.
WHOLE_RUN = """
import io, sys, time
from pathlib import Path
sys.path[:0] = ["src", "tests"]
import numpy as np
from test_faults import LONG
from tiny import afresh, build_noisy, train_tiny
save = np.savez
def save_slowly(path, *arrays):
    content = io.BytesIO()
    save(content, *arrays)
    path.write_bytes(content.getvalue()[: len(content.getvalue()) // 2])
    time.sleep(0.3)
    path.write_bytes(content.getvalue())
np.savez = save_slowly
train_tiny(afresh(build_noisy), Path(sys.argv[1]), LONG)
"""


def start_run(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-c", WHOLE_RUN, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_when(process: subprocess.Popen, moment: Callable[[], bool]) -> None:
    """Kill a process with SIGKILL as soon as the moment has come; fail where it ends before."""
    while not moment():
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_killed_it_goes_on_at_the_next_epoch_and_ends_as_good(tmp_path: Path):
    """Real processes and SIGKILL, each while weights are half written: after the first epoch, and after the fourth."""
    folder = tmp_path / "killed"
    kill_when(start_run(folder), (folder / "unfinished.epoch-0001.npz").exists)
    assert not list(folder.glob("epoch-*"))
    kill_when(start_run(folder), (folder / "unfinished.epoch-0004.npz").exists)
    kept = pd.read_csv(folder / "history.csv")
    assert len(kept) == 4  # one more than there are weights for
    process = start_run(folder)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    assert sorted(path.name for path in folder.iterdir()) == ["epoch-0008.npz", "history.csv", "lock"]
    history = pd.read_csv(folder / "history.csv")
    assert history["epoch"].tolist() == list(range(1, 9))
    assert np.isfinite(history).all(axis=None)
    pd.testing.assert_frame_equal(history.head(3), kept.head(3))
    network, uninterrupted = afresh(build_noisy), afresh(build_noisy)
    pd.testing.assert_frame_equal(train_tiny(network, folder, LONG), history)
    whole = train_tiny(uninterrupted, tmp_path / "whole", LONG)
    right, expected = ((answers_of(one).argmax(axis=1) == VALIDATION.labels).mean() for one in (network, uninterrupted))
    assert right == pytest.approx(expected, abs=0.1)
    assert history["loss"].iloc[-1] == pytest.approx(whole["loss"].iloc[-1], abs=0.1)


class StopInTheThirdEpoch(keras.callbacks.Callback):
    """Takes the place of the line an epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 2:
            raise KeyboardInterrupt


class BreakInTheThirdEpoch(keras.callbacks.Callback):
    """Takes the place of the line an epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        if epoch == 2:
            self.model.set_weights([weights * np.nan for weights in self.model.get_weights()])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failure", "error", "said"),
    [(StopInTheThirdEpoch, KeyboardInterrupt, None), (BreakInTheThirdEpoch, UserError, "epoch 3 is not finite.*SEED")],
)
def test_a_cell_that_failed_and_is_run_again_goes_on(
    failure: type, error: type, said: str | None, tmp_path: Path, capsys: pytest.CaptureFixture
):
    """With the network that it had begun to train, as in the notebook."""
    network = afresh(build_noisy)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(error, match=said):
        patch.setattr("fer.training.fit.EpochLog", failure)
        train_tiny(network, tmp_path, LONG)
    assert len(pd.read_csv(tmp_path / "history.csv")) == 2
    history = train_tiny(network, tmp_path, LONG)
    assert capsys.readouterr().out.count("min left") == 6
    assert history["epoch"].tolist() == list(range(1, 9))
    assert history["val_accuracy"].iloc[-1] > 0.9
    assert np.isfinite(answers_of(network)).all()


def test_a_training_without_one_good_epoch_says_so(tmp_path: Path):
    with pytest.raises(UserError, match="loss of epoch 1 is not finite"):
        train_tiny(afresh(build_tiny), tmp_path, RECIPE._replace(learning_rate=float("nan")))
    assert not list(tmp_path.glob("epoch-*"))


@pytest.mark.slow
def test_memory_that_does_not_suffice_is_said(tmp_path: Path):
    """A layer of 400 TB: TensorFlow's own refusal, and no other."""
    inputs = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.RepeatVector(2_000_000_000 // 64)(keras.layers.UpSampling1D(700)(x[..., None])[..., 0])
    greedy = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.GlobalAveragePooling1D()(x)))
    with pytest.raises(UserError, match="memory does not suffice"):
        train_tiny(greedy, tmp_path)


HOLD_LOCK = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1], blocking=False):
    print("locked", flush=True)
    time.sleep(600)
"""


def test_two_notebooks_do_not_train_one_network(tmp_path: Path):
    other = subprocess.Popen([sys.executable, "-c", HOLD_LOCK, str(tmp_path / "lock")], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"locked\n"
    with pytest.raises(UserError, match="Another notebook is training this very network"):
        train_tiny(afresh(build_tiny), tmp_path)
    other.kill()
    other.communicate()
    recipe = RECIPE._replace(epochs=1)
    assert len(train_tiny(afresh(build_tiny), tmp_path, recipe)) == 1  # a dead one keeps nobody out


def test_a_save_that_is_cut_off_leaves_the_former_network_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    former = afresh(build_tiny)
    save_network(former, tmp_path)

    def cut_off(path: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", cut_off)
        save_network(afresh(build_noisy), tmp_path)
    np.testing.assert_array_equal(answers_of(load_network(tmp_path)), answers_of(former))


@pytest.mark.slow
def test_a_full_disk_is_said_and_the_training_goes_on_when_there_is_room(tmp_path: Path):
    with small_disk(tmp_path / "small", "size=1m") as disk:
        history = train_tiny(afresh(build_noisy), disk / "run", LONG._replace(epochs=2))
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(bytes(4096))
        with pytest.raises(UserError, match="its disk is full"):
            train_tiny(afresh(build_noisy), disk / "run", LONG._replace(epochs=4))
        with pytest.raises(UserError, match="its disk is full"):
            save_network(afresh(build_noisy), disk / "models")
        filler.unlink()
        again = train_tiny(afresh(build_noisy), disk / "run", LONG._replace(epochs=4))
        pd.testing.assert_frame_equal(again.head(2), history)
        assert len(again) == 4


def test_a_read_only_folder_is_found_before_the_training(tmp_path: Path):
    refusal = r"Nothing can be written in .*/fixed/results: Read-only file system"
    with small_disk(tmp_path / "fixed", "size=1m,ro") as disk, pytest.raises(UserError, match=refusal):
        check_writable(tmp_path, disk / "results")
    check_writable(tmp_path / "new")
    assert not list((tmp_path / "new").iterdir())
