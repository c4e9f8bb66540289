"""Use what the machine has: one GPU or several, a TPU, or its CPU alone."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

TPU_VARIABLES = ("TPU_NAME", "COLAB_TPU_ADDR", "TPU_ACCELERATOR_TYPE")  # one of them is set where there is a TPU
GPU_MENU = "In Colab: Runtime → Change runtime type → T4 GPU."


class Hardware(NamedTuple):
    """What a network is trained on."""

    strategy: tf.distribute.Strategy  # says on which devices a network lies; each takes its share of a batch
    precision: str  # Keras' name for the numbers computed with; the weights have 32 bits all the same
    remarks: tuple[str, ...]  # sentences for the user

    @property
    def replicas(self) -> int:
        """The number of devices that train together."""
        return self.strategy.num_replicas_in_sync


def find_hardware() -> Hardware:
    """Choose the best that this machine has and that Keras can use."""
    gpus = tf.config.list_physical_devices("GPU")
    remarks = []
    if workers_named_in(os.environ.get("TF_CONFIG", "")) > 1:
        remarks.append(
            "TF_CONFIG names several machines, but Keras 3 cannot train on more than one (keras-team/keras, issue"
            " 20585): this one trains alone, the others are not needed."
        )
    if any(variable in os.environ for variable in TPU_VARIABLES):
        try:
            return Hardware(connect_to_tpu(), "mixed_bfloat16", ("Training on a TPU.", *remarks))
        except Exception as error:  # TensorFlow raises anything where a TPU is promised and none answers
            reason = str(error).strip().partition("\n")[0][:100]
            remarks.append(f"The TPU that this machine promises does not answer TensorFlow ({reason}).")
    if len(gpus) > 1:
        remarks.append(f"Training on {len(gpus)} GPUs, each with its share of every batch.")
        return Hardware(tf.distribute.MirroredStrategy(), gpu_precision(gpus), tuple(remarks))
    if gpus:
        remarks.append("Training on one GPU.")
        return Hardware(tf.distribute.get_strategy(), gpu_precision(gpus), tuple(remarks))
    remarks.append(f"There is no GPU: what takes minutes with one takes hours on {os.cpu_count()} cores. {GPU_MENU}")
    if has_short_units():
        remarks.append("Its processor has units for bfloat16. Training convolves in it, in two thirds of the time.")
    return Hardware(tf.distribute.get_strategy(), "float32", tuple(remarks))


def workers_named_in(tf_config: str) -> int:
    """Count the machines that the variable TF_CONFIG, a JSON text, sets to train together; 0 if it says nothing."""
    try:
        cluster = json.loads(tf_config or "{}").get("cluster", {})
        return sum(len(cluster.get(role, ())) for role in ("chief", "worker"))
    except (ValueError, AttributeError, TypeError):
        return 0


def connect_to_tpu() -> tf.distribute.Strategy:
    """Connect to the TPU that the environment names; raises whatever TensorFlow does where there is none."""
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(os.environ.get("TPU_NAME", "local"))
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)


def gpu_precision(gpus: list[tf.config.PhysicalDevice]) -> str:
    """16 bits where all GPUs have units for them (NVIDIA's compute capability 7, as the T4 has), else 32."""
    capabilities = [tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0)) for gpu in gpus]
    return "mixed_float16" if min(capabilities) >= (7, 0) else "float32"


def has_short_units() -> bool:
    """Tell whether the processor multiplies bfloat16, numbers of 16 bits, and TensorFlow can be told to use that.

    Only Linux is asked. Before TensorFlow 2.21 each function so compiled writes a line to stderr: they do without.
    """
    if tuple(map(int, tf.__version__.split(".")[:2])) < (2, 21):
        return False
    try:
        return bool({"avx512_bf16", "amx_bf16"} & set(Path("/proc/cpuinfo").read_text().split()))
    except OSError:
        return False


@contextmanager
def short_numbers() -> Iterator[None]:
    """Have TensorFlow convolve in bfloat16 where the processor has units for it; weights and means keep 32 bits.

    Measured on an AMD EPYC with AVX-512: a training takes two thirds of the time, where Keras' own "mixed_bfloat16"
    saves none. It has no effect on a GPU.
    """
    # In bfloat16, a mean over many pictures that moves by a hundredth a step (batch normalisation's) would be rounded
    # to where it was.
    os.environ["TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_INFERLIST_REMOVE"] = "Mean"
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": has_short_units()})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"auto_mixed_precision_onednn_bfloat16": False} | before)


def build_on(hardware: Hardware, build: Callable[[], keras.Model]) -> keras.Model:
    """Build a network on these devices, in their precision."""
    with hardware.strategy.scope():
        return in_precision(hardware.precision, build)


def in_precision(precision: str, build: Callable[[], keras.Model]) -> keras.Model:
    """Build a network whose layers compute with a precision, e.g. "float32" or "mixed_bfloat16"."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(before)


def plain_copy(network: keras.Model, build: Callable[[], keras.Model]) -> keras.Model:
    """Copy a trained network to one that any machine computes alike: one device, 32 bits."""
    copy = in_precision("float32", build)
    copy.set_weights(network.get_weights())
    return copy
