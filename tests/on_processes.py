"""Train in one of several processes that train one network together, as on several machines, on JAX.

`python on_processes.py FOLDER ADDRESS COUNT NUMBER` is process NUMBER of COUNT, which meet at ADDRESS and share FOLDER.
The training is cut off and goes on; each process writes its history as FOLDER/history-NUMBER.csv.
"""

import os
import sys
from pathlib import Path

folder, address, count, number = Path(sys.argv[1]), *sys.argv[2:]
os.environ |= {
    "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
    "KERAS_DISTRIBUTION_NUM_PROCESSES": count,
    "KERAS_DISTRIBUTION_PROCESS_ID": number,
}
from fer.notebook.setup import start_keras

start_keras("jax")
from tiny import RECIPE, SYMMETRICAL, afresh, build_tiny, train_tiny

from fer.training.devices import find_devices

devices = find_devices()
assert devices.count == devices.processes == int(count), devices
recipe = RECIPE._replace(augmentation={}, batch_size=len(SYMMETRICAL.labels))
for epochs in (2, recipe.epochs):  # the second training finds an unfinished one
    network = afresh(build_tiny, devices=devices)
    history = train_tiny(network, folder, recipe._replace(epochs=epochs), devices, training=SYMMETRICAL)
history.to_csv(folder / f"history-{number}.csv", index=False)
