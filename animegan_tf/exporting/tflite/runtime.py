"""Runs TFLite files: by LiteRT where it is installed, else by TensorFlow's own interpreter."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.tflite.conversion import SIGNATURE
from animegan_tf.images import to_float
from animegan_tf.networks.padding import mirror_up
from animegan_tf.quiet import held_back_stderr

try:
    from ai_edge_litert.interpreter import Interpreter

    RUNTIME = f"LiteRT {importlib.metadata.version('ai-edge-litert')}"
except ImportError:
    Interpreter = tf.lite.Interpreter
    RUNTIME = f"tf.lite {tf.__version__}"


def feed(photo: np.ndarray, io_type: str) -> np.ndarray:
    """uint8 photo (H, W, 3) as a file's input takes it: (1, H, W, 3)."""
    return (photo if io_type == "uint8" else to_float(photo))[None]


def as_float(result: np.ndarray) -> np.ndarray:
    """What a file gives, as float32 in [-1, 1]."""
    return to_float(result) if result.dtype == np.uint8 else result


def runner(
    content: bytes, io_type: str, interpreter: type = Interpreter
) -> Callable[[np.ndarray], np.ndarray]:
    """Loads a file: uint8 photo (H, W, 3) to the result, float32 in [-1, 1] or uint8.

    A photo is mirrored up to a size that the network takes.
    """
    loaded = interpreter_of(content, interpreter)
    signature = loaded.get_signature_runner(SIGNATURE)

    def run(photo):
        height, width, _ = photo.shape
        return signature(photo=feed(mirror_up(photo), io_type))["anime"][0, :height, :width]

    return run


def interpreter_of(content: bytes, interpreter: type = Interpreter) -> Any:
    """An interpreter of a file's bytes that uses all processors."""
    with held_back_stderr():
        return interpreter(model_content=content, num_threads=os.cpu_count())
