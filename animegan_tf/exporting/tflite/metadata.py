"""What a TFLite file is and holds: its operations, and the metadata written behind the model."""

from __future__ import annotations

import contextlib
import io
import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import tensorflow as tf

from animegan_tf.exporting.tflite.conversion import SIGNATURE, Variant

METADATA_FILE = "metadata.json"

GPU_OPERATIONS = frozenset(
    (
        "ADD",
        "BATCH_MATMUL",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "DIV",
        "EXP",
        "FULLY_CONNECTED",
        "LEAKY_RELU",
        "LOG",
        "MAXIMUM",
        "MEAN",
        "MINIMUM",
        "MIRROR_PAD",
        "MUL",
        "QUANTIZE",
        "RELU",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RSQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "SUB",
        "TANH",
    )
)
"""The operations of the network that TFLite's GPU delegate documents or implements."""


def operations_of(content: bytes) -> Counter:
    """The operations of a file, and how often each occurs."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tf.lite.experimental.Analyzer.analyze(model_content=content)
    return Counter(re.findall(r"Op#\d+ (\w+)", printed.getvalue()))


def gpu_note(operations: Counter, variant: Variant) -> str:
    """What TFLite's GPU delegate makes of a file: it needs a fixed size and `GPU_OPERATIONS`."""
    if variant.side is None:
        return "GPU delegate: no, it needs a fixed size"
    others = sorted(operations.keys() - GPU_OPERATIONS)
    if others:
        return f"GPU delegate: takes all operations but {', '.join(others)}, which stay on the CPU"
    return "GPU delegate: takes all operations"


def counted(operations: Counter) -> str:
    """Operations and their numbers in words, the most frequent first."""
    return ", ".join(f"{name} {count}" for name, count in operations.most_common())


def describe(variant: Variant) -> str:
    """A variant's input or output in words, for the report."""
    side = variant.side or "multiple of 4"
    values = "RGB 0..255" if variant.io_type == "uint8" else "RGB in [-1, 1]"
    return f"{variant.io_type} [1, {side}, {side}, 3], {values}"


def write_metadata(path: Path, variant: Variant) -> None:
    """Appends what goes in and what comes out, as JSON that `unzip -p` shows.

    TFLite keeps a model's associated files in an uncompressed zip archive behind the model;
    interpreters ignore it.
    """
    metadata = {
        "name": "AnimeGAN generator",
        "precision": variant.precision,
        "signature": SIGNATURE,
        "input": {"name": "photo", **_tensor(variant)},
        "output": {"name": "anime", **_tensor(variant)},
    }
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(METADATA_FILE, json.dumps(metadata, indent=2))


def _tensor(variant):
    sides = ["height, a multiple of 4", "width, a multiple of 4"]
    return {
        "type": variant.io_type,
        "shape": [1, *([variant.side] * 2 if variant.side else sides), 3],
        "layout": "NHWC",
        "channels": "RGB",
        "range": [0, 255] if variant.io_type == "uint8" else [-1, 1],
    }
