"""A generator to the bytes of a TFLite file."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf

from animegan_tf.networks.frozen import constant_network, on_pixels
from animegan_tf.quiet import held_back_stderr

SIGNATURE = "serving_default"


class Variant(NamedTuple):
    """What one file is: number format, side (None: any), and type of input and output."""

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


def convert(generator: tf.keras.Model, variant: Variant) -> bytes:
    """A file that needs no calibration: float32, float16 or dynamic-range int8."""
    with converter_for(generator, variant) as converter, held_back_stderr():
        return converter.convert()


@contextlib.contextmanager
def converter_for(generator: tf.keras.Model, variant: Variant) -> Iterator[tf.lite.TFLiteConverter]:
    """TensorFlow's converter, set up for a variant; it reads temporary files while it lives."""
    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.stylize = _signature(generator, variant)
        tf.saved_model.save(module, folder, signatures={SIGNATURE: module.stylize})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[SIGNATURE])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if variant.precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if variant.precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        yield converter


def quieten_converters() -> None:
    """Makes TensorFlow log errors only; otherwise it logs every step of a conversion."""
    tf.get_logger().setLevel("ERROR")


def _signature(generator, variant):
    network = constant_network(generator)
    if variant.io_type == "uint8":
        network = on_pixels(network)

    def stylize(photo):
        return {"anime": network(photo)}

    return tf.function(
        stylize, input_signature=[tf.TensorSpec(variant.shape, variant.io_type, "photo")]
    )
