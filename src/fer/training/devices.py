"""Train on what the machine has: GPUs, a TPU, or the processor alone."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import keras

from fer.network.architectures import multiply_adds
from fer.training.recipes import Recipe

NO_GPU = "There is no GPU. In Colab: Runtime → Change runtime type → T4 GPU."


# Operations a second that a training comes to: measured on two cores of a Xeon with AVX-512 (halved for one), and
# estimated for Colab's T4 as an eighth of its peak in 16 bits.
OPERATIONS_A_SECOND = {"CPU": 6e10, "GPU": 8e12, "TPU": 8e12}


class Devices(NamedTuple):
    """What a network is trained on."""

    kind: str  # "CPU", "GPU" or "TPU"
    count: int  # devices that train together, each with its share of every batch
    dtype_policy: str  # Keras' name for the numbers that layers compute with; weights have 32 bits all the same
    scope: Callable[[], AbstractContextManager]  # networks are built and compiled within
    process: int = 0  # of several processes that train one network together, the number of this one
    processes: int = 1

    def __str__(self) -> str:
        """Say it in a sentence."""
        if self.kind == "CPU":
            return f"Training on {os.cpu_count()} processor cores. {NO_GPU}"
        return f"Training on {self.count} {self.kind}{'s' * (self.count > 1)}, in {self.dtype_policy}."

    @property
    def jit_compile(self) -> bool:
        """Tell whether XLA is the faster way: always on JAX; on TensorFlow with one GPU, on a CPU it is slower."""
        return keras.backend.backend() == "jax" or (
            keras.backend.backend() == "tensorflow" and self.kind == "GPU" and self.count == 1
        )


def estimate_hours(
    devices: Devices, network: keras.Model, faces: int, recipe: Recipe, teachers: int, teacher_recipe: Recipe
) -> float:
    """Estimate how long a training with so many faces and teachers takes.

    A multiplication with an addition is two operations; the way back through a network takes twice those of the way
    there. The teachers of a network only answer, so they go no way back.
    """
    teachers_cost = teachers * teacher_recipe.width_factor**2
    passes = 3 * (recipe.epochs + teachers_cost * teacher_recipe.epochs) + teachers_cost * recipe.epochs
    units = os.cpu_count() if devices.kind == "CPU" else devices.count
    operations_a_second = units * OPERATIONS_A_SECOND[devices.kind]
    return 2 * multiply_adds(network) * faces * passes / operations_a_second / 3600


def find_devices() -> Devices:
    """Find the devices that Keras' backend sees; several are set to train together."""
    return {"tensorflow": find_in_tensorflow, "jax": find_in_jax, "torch": find_in_torch}[keras.backend.backend()]()


def find_in_tensorflow() -> Devices:
    """Find GPUs; several share a batch by a MirroredStrategy."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return Devices("CPU", 1, "float32", nullcontext)
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    strategy = tf.distribute.MirroredStrategy() if len(gpus) > 1 else None
    return Devices("GPU", len(gpus), gpu_dtype_policy(min(capabilities)), strategy.scope if strategy else nullcontext)


def find_in_jax() -> Devices:
    """Find GPUs or TPUs, those of other machines too; several share a batch by Keras' DataParallel."""
    import jax

    devices = jax.devices()
    kind = devices[0].platform.upper()
    scope = keras.distribution.DataParallel(auto_shard_dataset=False).scope if len(devices) > 1 else nullcontext
    if kind == "GPU":
        dtype_policy = gpu_dtype_policy(tuple(map(int, devices[0].compute_capability.split("."))))
    else:
        dtype_policy = "mixed_bfloat16" if kind == "TPU" else "float32"
    return Devices(kind, len(devices), dtype_policy, scope, jax.process_index(), jax.process_count())


def find_in_torch() -> Devices:
    """Find a GPU; of several, Keras uses one."""
    import torch

    if not torch.cuda.is_available():
        return Devices("CPU", 1, "float32", nullcontext)
    return Devices("GPU", 1, gpu_dtype_policy(torch.cuda.get_device_capability()), nullcontext)


def gpu_dtype_policy(capability: tuple[int, int]) -> str:
    """16 bits where an NVIDIA GPU has units for them: bfloat16 from Ampere on (8.0), float16 from Volta on (7.0)."""
    return "mixed_bfloat16" if capability >= (8, 0) else "mixed_float16" if capability >= (7, 0) else "float32"


def in_dtype_policy(policy: str, build: Callable[[], keras.Model]) -> keras.Model:
    """Build a network whose layers compute in a dtype policy, e.g. "float32"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)
