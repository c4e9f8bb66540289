"""Train a teacher and its student on PyTorch, with all that changes faces: `python on_torch.py FOLDER`.

Writes their histories FOLDER/teacher.csv and student.csv.
"""

import sys
from pathlib import Path

from fer.notebook.setup import start_keras

start_keras("torch")
from tiny import RECIPE, afresh, build_mirror_equivariant, train_tiny

from fer.training.devices import find_devices
from fer.training.recipes import RECIPES

folder, devices = Path(sys.argv[1]), find_devices()
recipe = RECIPE._replace(augmentation=RECIPES["modern"].augmentation, optimizer="sgd", learning_rate=0.1, epochs=8)
teacher, student = (afresh(build_mirror_equivariant, seed, devices) for seed in (1, 2))
taught = recipe._replace(mixup_alpha=1.0, distillation_weight=1.0)
for name, network, own, teachers in (("teacher", teacher, recipe, ()), ("student", student, taught, (teacher,))):
    train_tiny(network, folder / name, own, devices, teachers).to_csv(folder / f"{name}.csv", index=False)
