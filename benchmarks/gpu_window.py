"""Train several networks side by side in a short window on a GPU machine that has JAX and no TensorFlow or network.

    python benchmarks/gpu_window.py pack shared/fer2013/archive.zip .gpu   here: the data as one file, Keras as wheels
    python benchmarks/gpu_window.py run PLAN.json OUT                      there: train; keep what OUT must bring back

PLAN.json maps names to trainings: {"teacher-1": {"recipe": "teacher", "seed": 23, "change": {"epochs": 60}},
"student": {"recipe": "student", "seed": 22, "teachers": ["teacher-1"]}}. All start at once, each in a process of its
own; one with teachers compiles first, while they are trained. OUT/<name>.csv and OUT/<name>.npz go to
models/runs/<run>/ as history.csv and epoch-<last>.npz, where train_model.ipynb reads the training back (`run_folder`
names <run>). With the tool `device`, carry .gpu and run:

    python3 -m pip install -q --no-index --no-deps --target /tmp/site .gpu/*.whl
    PYTHONPATH=/tmp/site:src python3 benchmarks/gpu_window.py run PLAN.json $OUT
"""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

import cv2
import keras
import numpy as np

from fer.data.dataset import FaceDataset, split_held_out
from fer.data.splits import clean_splits
from fer.expressions import EXPRESSIONS
from fer.network.architectures import build_modern
from fer.training.devices import find_devices, in_dtype_policy
from fer.training.fit import train
from fer.training.recipes import RECIPES

SCRATCH = ROOT / ".gpu" / "scratch"
PACKAGES = ("keras==3.15.1", "optree", "namex")  # what JAX machines lack


def pack(archive: Path, folder: Path) -> None:
    """Write the JPEGs of the five expressions to faces.npz, some 43 MB, and download the wheels."""
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive) as file:
        names = sorted(name for name in file.namelist() if Path(name).parent.name in EXPRESSIONS)
        contents = [file.read(name) for name in names]
    np.savez(
        folder / "faces.npz",
        bytes=np.frombuffer(b"".join(contents), np.uint8),
        sizes=[len(content) for content in contents],
        labels=[EXPRESSIONS.index(Path(name).parent.name) for name in names],
        splits=[Path(name).name.partition("_")[0] for name in names],
    )
    platforms = [f"--platform=manylinux_2_{number}_x86_64" for number in (17, 27, 28)]
    options = ["--no-deps", "--only-binary=:all:", "--python-version=3.12", "--implementation=cp", *platforms]
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", *options, "-d", folder, *PACKAGES], check=True)


def unpack(file: Path) -> FaceDataset:
    """Read what `pack` wrote."""
    packed = np.load(file)
    pieces = np.split(packed["bytes"], np.cumsum(packed["sizes"])[:-1])
    images = np.stack([cv2.imdecode(piece, cv2.IMREAD_GRAYSCALE) for piece in pieces])
    return FaceDataset(images, packed["labels"], packed["splits"])


def train_one(name: str, plan: dict, out: Path, faces: FaceDataset) -> None:
    """Train one network of the plan, as the notebook does."""
    own = plan[name]
    recipe = RECIPES[own["recipe"]]._replace(**own.get("change", {}))
    fit, _, _ = clean_splits(faces, keep_duplicates=False, are_own=False)
    training, _ = split_held_out(fit, recipe.held_out_fraction)
    devices = find_devices()

    def build(recipe_name: str) -> keras.Model:
        width_factor = RECIPES[recipe_name].width_factor
        return in_dtype_policy(devices.dtype_policy, lambda: build_modern(len(EXPRESSIONS), width_factor))

    keras.utils.set_random_seed(own["seed"])
    network = build(own["recipe"])
    teachers = tuple(build(plan[teacher]["recipe"]) for teacher in own.get("teachers", ()))
    folder = SCRATCH / name
    if teachers:  # JAX keeps what it compiles: an epoch now, and the program is ready when the teachers are
        start = network.get_weights()
        first = recipe._replace(stop_accuracy=0.0, stop_val_accuracy=0.0)
        train(network, first, *faces_of(training, faces), folder.with_suffix(".compiled"), 0, devices, teachers)
        network.set_weights(start)
    for teacher, teacher_name in zip(teachers, own.get("teachers", ()), strict=True):
        while not (weights := SCRATCH / f"{teacher_name}.weights.h5").exists():
            time.sleep(0.5)
        teacher.load_weights(weights)
    train(network, recipe, *faces_of(training, faces), folder, own["seed"], devices, teachers)
    network.save_weights(SCRATCH / f"unfinished-{name}.weights.h5")
    (SCRATCH / f"unfinished-{name}.weights.h5").replace(SCRATCH / f"{name}.weights.h5")
    shutil.copy(folder / "history.csv", out / f"{name}.csv")
    if recipe.width_factor == 1:
        shutil.copy(max(folder.glob("epoch-*.npz")), out / f"{name}.npz")


def faces_of(training: FaceDataset, faces: FaceDataset) -> tuple[FaceDataset, FaceDataset]:
    """Return what is trained on and what it is validated on."""
    return training, faces.split("PublicTest")


def run(plan_file: Path, out: Path) -> None:
    """Train all networks of a plan at once, and say how each ended."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    out.mkdir(exist_ok=True)
    plan = json.loads(plan_file.read_text())
    environment = os.environ | {
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # they share the GPU's memory
        "JAX_COMPILATION_CACHE_DIR": str(SCRATCH / "compiled"),
    }
    processes = {}
    for name in plan:
        command = [sys.executable, __file__, "train", name, plan_file, out]
        with (SCRATCH / f"{name}.log").open("w") as log:
            processes[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    for name, process in processes.items():
        process.wait()
        print(f"{name}: {(SCRATCH / f'{name}.log').read_text().strip().splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case "pack", archive, folder:
            pack(Path(archive), Path(folder))
        case "run", plan_file, out:
            run(Path(plan_file), Path(out))
        case "train", name, plan_file, out:
            plan = json.loads(Path(plan_file).read_text())
            train_one(name, plan, Path(out), unpack(ROOT / ".gpu" / "faces.npz"))
        case _:
            sys.exit(__doc__)
