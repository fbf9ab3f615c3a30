"""int8 files that stay exact enough: what costs most is left in float."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.parity import INT8, Reference, difference
from animegan_tf.exporting.photos import fit
from animegan_tf.exporting.tflite.conversion import Variant, convert, converter_for
from animegan_tf.exporting.tflite.equalize import equalize
from animegan_tf.exporting.tflite.runtime import as_float, feed, interpreter_of, runner
from animegan_tf.networks.generator import stage_of
from animegan_tf.quiet import held_back_stderr

FLOAT_OPERATIONS = (
    "MEAN",
    "SQUARED_DIFFERENCE",
    "RSQRT",
    "MUL",
    "ADD",
    "SUB",
    "LEAKY_RELU",
    "TANH",
    *("BATCH_MATMUL", "CONCATENATION", "DIV", "EXP", "FULLY_CONNECTED", "LOG", "MAXIMUM"),
    *("MINIMUM", "RESHAPE", "SQUARE"),
)
"""Operations that stay in float in int8 files: those of the norms, what follows them directly, the
output, and the map of colors (the last two lines)."""

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
"""Stages in the order in which they are left in float: those whose quantization costs most come
first, as measured on trained generators, one stage at a time. Behind the stages near the output no
norm evens out errors. The one that is missing, m_r8, is always quantized."""

SEARCH_SIDE = 256
"""Height and width at which the number of stages in float is searched."""

# The search goes on until each of these photos is so many dB above the limit: the file is judged
# on others.
_SEARCHED_ON = 4
_MARGIN = 2.0


class Quantized(NamedTuple):
    """A file, the stages of it that stay in float, and in words what was done."""

    content: bytes
    float_stages: Sequence[str]
    note: str


class Quantizer:
    """Makes int8 files of one generator, each with as few stages in float as its limit allows.

    Args:
        generator: as `build_generator` makes it, float32.
        reference: of the same generator.
        photos: uint8 (H, W, 3) of any sizes, to calibrate with.
    """

    def __init__(
        self,
        generator: tf.keras.Model,
        reference: Reference,
        photos: list[np.ndarray],
    ):
        self._generator = generator
        self._reference = reference
        self._photos = photos
        self._searched: dict[str, Quantized] = {}

    def quantize(self, variant: Variant) -> Quantized:
        """Makes one file, "dynamic_int8" or "int8".

        The number of stages in float is searched once, at `SEARCH_SIDE`, and is the least that
        files of other sizes have. So a file does not depend on which others are written.
        """
        if variant.precision not in self._searched:
            self._searched[variant.precision] = self._fewest_float(
                variant._replace(side=SEARCH_SIDE), 0
            )
        searched = self._searched[variant.precision]
        if variant.side == SEARCH_SIDE:
            return searched
        return self._fewest_float(variant, len(searched.float_stages))

    @functools.cached_property
    def _equalized(self):
        return equalize(
            self._generator, [fit(photo, SEARCH_SIDE, SEARCH_SIDE) for photo in self._photos]
        )

    def _fewest_float(self, variant, start):
        side = variant.side or SEARCH_SIDE
        count = max(_SEARCHED_ON, len(self._photos) * SEARCH_SIDE**2 // side**2)
        pictures = [fit(photo, side, side) for photo in self._photos[:count]]

        def holds(content):
            run = runner(content, variant.io_type)
            with held_back_stderr():
                return all(
                    difference([(as_float(run(picture)), self._reference(picture))]).psnr
                    >= INT8.psnr + _MARGIN
                    for picture in pictures[:_SEARCHED_ON]
                )

        if variant.precision == "dynamic_int8":

            def quantize(stages):
                return convert(float_convolutions(self._equalized, stages), variant)

            how = "channels equalized; in float: {}"
        else:
            quantize = _Calibrated(self._equalized, variant, pictures).quantize
            how = (
                f"channels equalized; calibrated on {len(pictures)} photos; in float: "
                f"{', '.join(FLOAT_OPERATIONS)}; and the stages {{}}"
            )
        content, stages = fewest_float(quantize, holds, start)
        return Quantized(content, stages, how.format(", ".join(stages) or "none"))


def fewest_float(
    quantize: Callable[[Sequence[str]], bytes], holds: Callable[[bytes], bool], start: int = 0
) -> tuple[bytes, Sequence[str]]:
    """A file that is exact enough with few stages in float, and those stages.

    Doubles their number until the file is exact enough, then halves the step. If no file is, that
    with all of `FLOAT_FIRST` in float is returned.

    Args:
        quantize: makes the file with these stages, the first of `FLOAT_FIRST`, in float.
        holds: whether a file is exact enough.
        start: the number of stages to begin with, and the least.
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


class _Calibrated:
    """Makes int8 files with some stages in float from one calibration.

    TensorFlow's quantization debugger is its public way to keep single tensors in float.

    Args:
        generator: as `build_generator` makes it, float32.
        variant: of the file.
        pictures: uint8 (H, W, 3) of the file's size, to calibrate with.
    """

    def __init__(self, generator, variant, pictures):
        feeds = [[feed(picture, variant.io_type)] for picture in pictures]
        with converter_for(generator, variant) as converter, held_back_stderr():
            converter.representative_dataset = lambda: iter(feeds)
            self._debugger = tf.lite.experimental.QuantizationDebugger(
                converter=converter,
                debug_options=tf.lite.experimental.QuantizationDebugOptions(
                    denylisted_ops=list(FLOAT_OPERATIONS)
                ),
            )
            content = self._debugger.get_nondebug_quantized_model()
        # The debugger's own statistics would name the tensors too, but keep all of them in memory.
        tensors = interpreter_of(content).get_tensor_details()
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

    Dynamic-range int8 quantizes every 2-D convolution, without exceptions. For 3-D ones TFLite has
    no int8 kernel.
    """

    def __init__(self, kernel, name):
        super().__init__(name=name)
        self._kernel = kernel[None]

    def call(self, x):
        return tf.squeeze(
            tf.nn.conv3d(tf.expand_dims(x, 1), self._kernel, (1, 1, 1, 1, 1), "VALID"), 1
        )


def float_convolutions(generator: tf.keras.Model, stages: Sequence[str]) -> tf.keras.Model:
    """The same network, in which dynamic-range int8 leaves the convolutions of stages in float.

    Depthwise convolutions are still quantized: they are a hundredth of the weights and cost little.
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
