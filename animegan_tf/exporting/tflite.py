"""TFLite for phones: float32, float16, dynamic-range int8 and int8, built-in operations only."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import io
import json
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.equalize import equalize
from animegan_tf.exporting.parity import (
    EXACT,
    FLOAT16,
    INT8,
    Artifact,
    Reference,
    Route,
    difference,
)
from animegan_tf.exporting.photos import fit
from animegan_tf.images import to_float
from animegan_tf.networks.frozen import constant_network, on_pixels
from animegan_tf.networks.generator import stage_of
from animegan_tf.networks.padding import mirror_up
from animegan_tf.quiet import held_back_stderr

try:
    from ai_edge_litert.interpreter import Interpreter

    RUNTIME = f"LiteRT {importlib.metadata.version('ai-edge-litert')}"
except ImportError:
    Interpreter = tf.lite.Interpreter
    RUNTIME = f"tf.lite {tf.__version__}"

SIGNATURE = "serving_default"
SIZES = (256, 512, None)
"""Height and width of the files; None: both are dynamic."""
METADATA_FILE = "metadata.json"

LIMITS = {"float32": EXACT, "float16": FLOAT16, "dynamic_int8": INT8, "int8": INT8}
"""Of each precision: float32, float16 weights, int8 weights, int8 weights and activations."""

FLOAT_OPERATIONS = (
    "MEAN",
    "SQUARED_DIFFERENCE",
    "RSQRT",
    "MUL",
    "ADD",
    "SUB",
    "LEAKY_RELU",
    "TANH",
)
"""Stay float in int8 files: the norms' chains of sums and quotients, what follows them directly,
and the output."""

GPU_OPERATIONS = frozenset(
    (
        "ADD",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEQUANTIZE",
        "LEAKY_RELU",
        "MEAN",
        "MINIMUM",
        "MIRROR_PAD",
        "MUL",
        "QUANTIZE",
        "RELU",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RSQRT",
        "SQUARED_DIFFERENCE",
        "SUB",
        "TANH",
    )
)
"""Of the network's operations, those that TFLite's GPU delegate documents or implements."""

FLOAT_FIRST = (
    "output",
    "u1_conv2",
    "u1_conv1",
    "u1_up",
    "u2_conv",
    "u2_up",
    "u2_sep",
    "m_r1",
    "b2_sep",
    "m_conv2",
    "b1_conv1",
    "b1_conv2",
    "b2_conv",
    "b1_down",
    "m_conv1",
    "m_r2",
    "b2_down",
    "m_r3",
    "m_r4",
    "m_r5",
    "m_r6",
    "m_r7",
)
"""The network's stages but one, first that which costs most where it alone is quantized, as
measured on trained generators. Errors in the stages near the output reach the picture with no norm
behind them."""

# int8 is tuned until each of these photos is so many dB above the limit: it is judged on others.
_TUNED_ON = 4
_MARGIN = 2.0


class Kind(NamedTuple):
    """What one file is: number format, side (None: dynamic), and type of input and output."""

    precision: str
    side: int | None
    io_type: str

    @property
    def file_name(self) -> str:
        size = "any" if self.side is None else str(self.side)
        suffix = "_uint8_io" if self.io_type == "uint8" else ""
        return f"generator_{self.precision}_{size}{suffix}.tflite"

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (1, self.side, self.side, 3)


class Exporter:
    """Writes the TFLite files of one generator.

    Args:
        generator: as `build_generator` makes it, float32.
        reference: of the same generator.
        photos: uint8 (H, W, 3) of any sizes, the more and the more typical the better: the
            ranges of int8 come from them.
        io_type: "float32": RGB in [-1, 1]; "uint8": RGB in 0..255, scaled and clipped in the graph.
    """

    def __init__(
        self,
        generator: tf.keras.Model,
        reference: Reference,
        photos: list[np.ndarray],
        io_type: str = "float32",
    ):
        self._generator = generator
        self._reference = reference
        self._photos = photos
        self._io_type = io_type
        self._float_counts = {"dynamic_int8": 0, "int8": 0}

    def export(
        self,
        folder: Path,
        output: Path,
        sizes: Iterable[int | None] = SIZES,
        precisions: Iterable[str] = tuple(LIMITS),
    ) -> Iterator[Artifact]:
        """Converts each precision in each size.

        Args:
            folder: where the files are written.
            output: the folder where they belong.
            sizes: as `SIZES`.
            precisions: keys of `LIMITS`.
        """
        for side in sizes:
            for precision in precisions:
                yield self._export_one(Kind(precision, side, self._io_type), folder, output)

    @functools.cached_property
    def _equalized(self):
        return equalize(self._generator, [fit(photo, 256, 256) for photo in self._photos])

    def _export_one(self, kind, folder, output):
        path = folder / kind.file_name
        if kind.precision in self._float_counts:
            content, notes = self._quantize(kind)
        else:
            content, notes = convert(self._generator, kind), []
        path.write_bytes(content)
        operations = operations_of(content)
        notes += [f"operations: {_counted(operations)}", gpu_note(operations, kind)]
        write_metadata(path, kind)
        return Artifact(
            name=f"TFLite {kind.precision}",
            path=path,
            destination=output / kind.file_name,
            limit=LIMITS[kind.precision],
            size=(kind.side, kind.side) if kind.side else None,
            runtime=RUNTIME,
            notes=notes,
            routes=[
                Route(
                    SIGNATURE,
                    f"photo: {_describe(kind)}",
                    f"anime: {_describe(kind)}",
                    runner(path.read_bytes(), kind.io_type),
                )
            ],
        )

    def _quantize(self, kind):
        """int8 with as few stages in float as the limit asks for; what was done, in words."""
        side = kind.side or 256
        count = max(_TUNED_ON, len(self._photos) * 256**2 // side**2)
        pictures = [fit(photo, side, side) for photo in self._photos[:count]]

        def holds(content):
            run = runner(content, kind.io_type)
            with held_back_stderr():
                return all(
                    difference([(_as_float(run(picture)), self._reference(picture))]).psnr
                    >= INT8.psnr + _MARGIN
                    for picture in pictures[:_TUNED_ON]
                )

        if kind.precision == "dynamic_int8":

            def quantize(stages):
                return convert(float_convolutions(self._equalized, stages), kind)

            how = "channels equalized; in float: {}"
        else:
            quantize = _Quantizer(self._equalized, kind, pictures).quantize
            how = (
                f"channels equalized; calibrated on {len(pictures)} photos; in float: "
                f"{', '.join(FLOAT_OPERATIONS)}; and the stages {{}}"
            )
        content, stages = fewest_float(quantize, holds, self._float_counts[kind.precision])
        self._float_counts[kind.precision] = len(stages)
        return content, [how.format(", ".join(stages) or "none")]


def fewest_float(
    quantize: Callable[[Sequence[str]], bytes], holds: Callable[[bytes], bool], start: int = 0
) -> tuple[bytes, Sequence[str]]:
    """A file that holds with few stages in float, and those stages.

    Doubles their number until the file holds, then halves the step. If it never holds, the file
    with all of them in float is returned.

    Args:
        quantize: makes the file with these stages, the first of `FLOAT_FIRST`, in float.
        holds: whether a file is exact enough.
        start: the number to begin with.
    """
    count, failed = start, None
    while not holds(content := quantize(FLOAT_FIRST[:count])):
        if count == len(FLOAT_FIRST):
            return content, FLOAT_FIRST
        count, failed = min(max(1, 2 * count), len(FLOAT_FIRST)), count
    while failed is not None and count - failed > 1:
        middle = (count + failed) // 2
        candidate = quantize(FLOAT_FIRST[:middle])
        if holds(candidate):
            content, count = candidate, middle
        else:
            failed = middle
    return content, FLOAT_FIRST[:count]


class _Quantizer:
    """Makes int8 files by stages of the network; it calibrates once.

    TensorFlow's quantization debugger is its public way to keep single tensors in float.

    Args:
        generator: as `build_generator` makes it, float32.
        kind: of the file.
        pictures: uint8 (H, W, 3) of the file's size, to calibrate with.
    """

    def __init__(self, generator, kind, pictures):
        feeds = [[feed(picture, kind.io_type)] for picture in pictures]
        with _converter(generator, kind) as converter, held_back_stderr():
            converter.representative_dataset = lambda: iter(feeds)
            self._debugger = tf.lite.experimental.QuantizationDebugger(
                converter=converter,
                debug_options=tf.lite.experimental.QuantizationDebugOptions(
                    denylisted_ops=list(FLOAT_OPERATIONS)
                ),
            )
            content = self._debugger.get_nondebug_quantized_model()
        # The debugger's own statistics would name the tensors too, but keep all of them in memory.
        tensors = _interpreter(content).get_tensor_details()
        self._stages = {}
        for name in sorted({tensor["name"] for tensor in tensors}):
            stage = stage_of(name)
            if stage:
                self._stages.setdefault(stage.name, []).append(name)

    def quantize(self, float_stages):
        """The file with these stages in float."""
        # New options would build a debugging model each time; nothing here needs that.
        self._debugger.options.denylisted_nodes = [
            tensor for stage in float_stages for tensor in self._stages[stage]
        ]
        with held_back_stderr():
            return self._debugger.get_nondebug_quantized_model()


class _FloatConvolution(tf.keras.layers.Layer):
    """A convolution that the converter leaves in float: a 3-D one of depth one.

    Dynamic-range int8 takes every 2-D convolution, and has no list of exceptions; TFLite has no
    int8 kernel for the 3-D one.
    """

    def __init__(self, kernel, name):
        super().__init__(name=name)
        self._kernel = kernel[None]

    def call(self, x):
        return tf.squeeze(
            tf.nn.conv3d(tf.expand_dims(x, 1), self._kernel, (1, 1, 1, 1, 1), "VALID"), 1
        )


def float_convolutions(generator: tf.keras.Model, stages: Sequence[str]) -> tf.keras.Model:
    """The same network whose convolutions of these stages stay in float in dynamic-range int8.

    Depthwise convolutions, a hundredth of the weights, are left as they are: they cost little.
    """

    def clone(layer):
        if isinstance(layer, tf.keras.layers.Conv2D) and stage_of(layer.name).name in stages:
            return _FloatConvolution(layer.get_weights()[0], layer.name)
        return layer.__class__.from_config(layer.get_config())

    cloned = tf.keras.models.clone_model(generator, clone_function=clone)
    for layer in cloned.layers:
        if layer.weights:
            layer.set_weights(generator.get_layer(layer.name).get_weights())
    return cloned


def convert(generator: tf.keras.Model, kind: Kind) -> bytes:
    """A file that needs no calibration: float32, float16 or dynamic-range int8."""
    with _converter(generator, kind) as converter, held_back_stderr():
        return converter.convert()


@contextlib.contextmanager
def _converter(generator, kind):
    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.stylize = _signature(generator, kind)
        tf.saved_model.save(module, folder, signatures={SIGNATURE: module.stylize})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if kind.precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if kind.precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        yield converter


def quieten_converters() -> None:
    """TensorFlow logs every step of a conversion; from now on only errors."""
    tf.get_logger().setLevel("ERROR")


def _signature(generator, kind):
    network = constant_network(generator)
    if kind.io_type == "uint8":
        network = on_pixels(network)

    def stylize(photo):
        return {"anime": network(photo)}

    return tf.function(stylize, input_signature=[tf.TensorSpec(kind.shape, kind.io_type, "photo")])


def feed(photo: np.ndarray, io_type: str) -> np.ndarray:
    """uint8 photo (H, W, 3) as a file's input takes it: (1, H, W, 3)."""
    return (photo if io_type == "uint8" else to_float(photo))[None]


def _as_float(result):
    return to_float(result) if result.dtype == np.uint8 else result


def runner(
    content: bytes, io_type: str, interpreter: type = Interpreter
) -> Callable[[np.ndarray], np.ndarray]:
    """Loads a file: uint8 photo (H, W, 3) to the result, float32 in [-1, 1] or uint8.

    A photo is mirrored up to a size that the network takes.
    """
    loaded = _interpreter(content, interpreter)
    signature = loaded.get_signature_runner(SIGNATURE)

    def run(photo):
        height, width, _ = photo.shape
        return signature(photo=feed(mirror_up(photo), io_type))["anime"][0, :height, :width]

    return run


def _interpreter(content, interpreter=Interpreter):
    with held_back_stderr():
        return interpreter(model_content=content, num_threads=os.cpu_count())


def operations_of(content: bytes) -> Counter:
    """A file's operations, each with its number."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tf.lite.experimental.Analyzer.analyze(model_content=content)
    return Counter(re.findall(r"Op#\d+ (\w+)", printed.getvalue()))


def gpu_note(operations: Counter, kind: Kind) -> str:
    """What the GPU delegate does with a file, by `GPU_OPERATIONS` and its need of fixed sizes."""
    if kind.side is None:
        return "GPU delegate: no, it needs a fixed size"
    others = sorted(operations.keys() - GPU_OPERATIONS)
    if others:
        return f"GPU delegate: takes all operations but {', '.join(others)}, which stay on the CPU"
    return "GPU delegate: takes all operations"


def _counted(operations):
    return ", ".join(f"{name} {count}" for name, count in operations.most_common())


def _describe(kind):
    side = kind.side or "multiple of 4"
    values = "RGB 0..255" if kind.io_type == "uint8" else "RGB in [-1, 1]"
    return f"{kind.io_type} [1, {side}, {side}, 3], {values}"


def write_metadata(path: Path, kind: Kind) -> None:
    """Appends what goes in and what comes out, as JSON, readable with `unzip -p`.

    An uncompressed zip archive behind the model is where TFLite's metadata has its associated
    files; interpreters ignore it.
    """
    metadata = {
        "name": "AnimeGAN generator",
        "precision": kind.precision,
        "signature": SIGNATURE,
        "input": {"name": "photo", **_tensor(kind)},
        "output": {"name": "anime", **_tensor(kind)},
    }
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(METADATA_FILE, json.dumps(metadata, indent=2))


def _tensor(kind):
    sides = ["height, a multiple of 4", "width, a multiple of 4"]
    return {
        "type": kind.io_type,
        "shape": [1, *([kind.side] * 2 if kind.side else sides), 3],
        "layout": "NHWC",
        "channels": "RGB",
        "range": [0, 255] if kind.io_type == "uint8" else [-1, 1],
    }
