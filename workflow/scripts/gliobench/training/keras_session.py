"""Keras on any of its backends: threads, exact repeats, fresh weights in a compiled model."""

import os
import random

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras


def prepare(threads: int) -> str:
    """
    Fix the number of threads and ask for exact repeats; call once, before the first model.

    Parameters
    ----------
    threads : int
        Threads of one operation. Results on CPU repeat to the byte for the same number.

    Returns
    -------
    str
        The device that Keras computes on: ``cpu``, or the GPU's name.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        seed_all(0)  # op determinism demands one; every fit draws from its own
    elif keras.backend.backend() == "torch":
        import torch

        torch.set_num_threads(threads)
    return _device_name()


def seed_all(seed: int) -> None:
    """Seed every source that Keras and its backend draw from; Keras' own function loads TensorFlow on any backend."""
    random.seed(seed)  # initialisers and dropout take their seeds from here
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
    elif keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def _device_name() -> str:
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        return str(tf.config.experimental.get_device_details(gpus[0])["device_name"]) if gpus else "cpu"
    import jax

    return str(jax.devices()[0].device_kind)


def renew(model: keras.Model, fresh: keras.Model) -> None:
    """
    Give a compiled model the state of a fresh one: weights, dropout generators, optimiser.

    The compiled step stays, so that the folds of one job trace it once.
    """
    for variable, source in zip(model.variables, fresh.variables, strict=True):
        variable.assign(source.value)
    if model.optimizer.built:
        for variable in model.optimizer.variables:
            if variable is not model.optimizer._learning_rate:
                variable.assign(keras.ops.zeros_like(variable))
