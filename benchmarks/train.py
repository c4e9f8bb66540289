"""Measure what stands around a training: feeding it beside the bare steps, and the way to its first step.

    python benchmarks/train.py [share of the pictures, 0.125]      (part of make benchmark)

Feeding: an epoch as `train` runs it, beside as many steps on batches that are ready in memory, taking turns in one run.
Starting: from *run all* in train_model.ipynb, in a fresh kernel, to the end of the first training step, beside a fresh
Python that imports TensorFlow, taking turns, too. It needs data/fer2013.csv; feeding makes up pictures without it.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
import keras
import tensorflow as tf
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import fer.notebook.setup  # noqa: F401 - sets TensorFlow's environment before it is imported
from fer.data.dataset import FaceDataset
from fer.data.fer2013 import read_fer2013
from fer.network.architectures import NETWORKS
from fer.training.augmentation import batches_an_epoch, one_hot, training_batches
from fer.training.hardware import short_numbers
from fer.training.training import RECIPES, compile_network

CSV = ROOT / "data" / "fer2013.csv"
TRAINING_PICTURES = 24_000  # about as many as FER-2013's five expressions have
# A cell put before the training: its first step ends the run.
END_AT_FIRST_STEP = """
def end(*arguments, **more): raise UserError("the first step is done")
EpochProgress.on_train_batch_end = end
"""


def made_up(count: int) -> FaceDataset:
    """Return noise in the shape of FER-2013."""
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (count, 48, 48), np.uint8)
    return FaceDataset(images, random.integers(0, 5, count), np.full(count, "Training"))


def feeding(name: str, pictures: FaceDataset, turns: int) -> Iterator[np.ndarray]:
    """Yield for each turn (3, 2) seconds: of an epoch as `train` feeds it, of its bare steps, and of feeding nobody.

    The second column is computing time, over all threads: other work on the machine hardly changes it.
    """
    keras.utils.set_random_seed(1)
    network, recipe = NETWORKS[name](), RECIPES[name]
    steps = batches_an_epoch(pictures, recipe.batch_size)
    compile_network(network, recipe, steps)
    targets = one_hot(pictures.labels)

    def batches(epoch: int) -> tf.data.Dataset:
        return training_batches(
            pictures, targets, recipe.batch_size, recipe.augmentation, recipe.mixing, 1, range(epoch, epoch + 1)
        )

    def fit(data: tf.data.Dataset) -> None:
        with short_numbers():
            network.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False)

    def look(data: tf.data.Dataset) -> None:
        for _ in data:
            pass

    ready = batches(0).cache()
    look(ready)  # now they are in memory
    fit(ready)  # traces the training step
    for turn in range(turns):
        works = [lambda: fit(batches(turn)), lambda: fit(ready), lambda: look(batches(turn))]  # noqa: B023
        order = (0, 1, 2) if turn % 2 else (2, 1, 0)
        seconds = np.empty((3, 2))
        for which in order:
            seconds[which] = timed(works[which])
        yield seconds


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return how many seconds it takes, and how many this process computes."""
    start, computed = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - computed


def start_training(notebook: Path, csv: Path) -> list[tuple[str, float]]:
    """Run a notebook in an empty folder to its first training step; return the seconds of the kernel and each cell."""
    cells = nbformat.read(notebook, as_version=4)
    (training,) = [n for n, cell in enumerate(cells.cells) if cell.source.startswith("# @title Train the teachers")]
    cells.cells.insert(training, nbformat.v4.new_code_cell(END_AT_FIRST_STEP))
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / "data").mkdir()
        (Path(temporary) / "data" / "fer2013.csv").symlink_to(csv)
        client = NotebookClient(cells, timeout=None, kernel_name="python3", resources={"metadata": {"path": temporary}})
        spent, start = [], time.perf_counter()
        with client.setup_kernel(stderr=subprocess.DEVNULL):
            spent.append(("kernel", time.perf_counter() - start))
            for number, cell in enumerate(cells.cells):
                start = time.perf_counter()
                try:
                    client.execute_cell(cell, number)
                except CellExecutionError as error:
                    if "the first step is done" not in str(error):
                        raise
                    return [*spent, ("first step", time.perf_counter() - start)]
                if cell.cell_type == "code":
                    spent.append((cell.source.partition("\n")[0], time.perf_counter() - start))
    raise RuntimeError(f"{notebook} trained nothing")


def starting(turns: int) -> Iterator[tuple[list[tuple[str, float]], np.ndarray]]:
    """Yield for each turn the seconds to the first step, cell by cell, and (2, 2) seconds.

    The rows are the way to the first step and `import tensorflow`, the columns as in `feeding`.
    """
    for _ in range(turns):
        seconds, before = np.empty((2, 2)), computed_by_children()
        seconds[1, 0], _ = timed(
            lambda: subprocess.run([sys.executable, "-c", "import tensorflow"], capture_output=True)
        )
        between = computed_by_children()
        spent = start_training(ROOT / "train_model.ipynb", CSV)
        seconds[0, 0] = sum(of_cell for _, of_cell in spent)
        seconds[:, 1] = computed_by_children() - between, between - before
        yield spent, seconds


def computed_by_children() -> float:
    """Return how many seconds the processes computed that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(share: float = 0.125, turns: int = 5) -> None:
    """Print all measurements."""
    pictures = read_fer2013(CSV)[0].split("Training") if CSV.exists() else made_up(TRAINING_PICTURES)
    pictures = pictures.select(slice(round(share * len(pictures.labels))))
    for name in NETWORKS:
        measured = np.array(list(feeding(name, pictures, turns)))
        ratio, ratio_computed = np.median(measured[:, 0] / measured[:, 1], axis=0)
        (fed, _), (bare, _), (alone, _) = np.median(measured, axis=0)
        print(
            f"{name}: {fed:.1f} s an epoch of {len(pictures.labels):,} pictures, {bare:.1f} s its bare steps,"
            f" {alone:.1f} s feeding nobody; ratio {ratio:.2f}, of computing time {ratio_computed:.2f}"
            f" (medians of {turns} turns)",
            flush=True,
        )
    if not CSV.exists():
        print(f"Starting is not measured: there is no {CSV}.")
        return
    runs = list(starting(turns))
    measured = np.array([seconds for _, seconds in runs])
    ratio, ratio_computed = np.median(measured[:, 0] / measured[:, 1], axis=0)
    (whole, _), (imported, _) = np.median(measured, axis=0)
    print(
        f"to the first step: {whole:.1f} s, import tensorflow: {imported:.1f} s; ratio {ratio:.2f}, of computing time"
        f" {ratio_computed:.2f} (medians of {turns} turns)"
    )
    names = [name for name, _ in runs[0][0]]
    medians = {n: statistics.median(spent[n][1] for spent, _ in runs) for n in range(len(names))}
    for n in sorted(medians, key=medians.get, reverse=True)[:10]:
        print(f"  {medians[n]:5.2f} s  {names[n]}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
