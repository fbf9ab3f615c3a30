"""What smaller generators cost and how close they come: the table for phones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.parity import Reference, difference, latencies
from animegan_tf.exporting.photos import PARITY_SIZES, fit
from animegan_tf.exporting.tflite.conversion import Variant, convert
from animegan_tf.exporting.tflite.runtime import runner
from animegan_tf.networks.generator import width_of
from animegan_tf.networks.table1 import measure


class Row(NamedTuple):
    """A generator's weight, speed and closeness to the full one.

    FLOPs of one 256x256 picture; bytes of the float16 TFLite file; milliseconds of the float32
    TFLite file at 256x256, also as a multiple of the full Keras model's.
    """

    model: str
    width: int
    parameters: int
    flops: int
    file_bytes: int
    milliseconds: float
    times_keras: float
    psnr_db: float | str
    mean_error: float


def compare(
    generators: dict[str, tf.keras.Model], reference: Reference, photos: list[np.ndarray]
) -> list[Row]:
    """A row for each generator.

    Args:
        generators: by name, float32.
        reference: of the generator that they are compared with.
        photos: uint8 (H, W, 3) of any sizes, cropped and scaled to `PARITY_SIZES`.
    """
    pictures = [fit(photos[i % len(photos)], *size) for i, size in enumerate(PARITY_SIZES)]
    rows = []
    for name, generator in generators.items():
        own = Reference(generator)
        found = difference((own(picture), reference(picture)) for picture in pictures)
        cost = measure(generator)
        run = runner(convert(generator, Variant("float32", 256, "float32")), "float32")
        milliseconds, keras_milliseconds = latencies(
            [run, reference.compute], fit(photos[0], 256, 256)
        )
        rows.append(
            Row(
                model=name,
                width=width_of(generator),
                parameters=cost.parameters,
                flops=cost.flops,
                file_bytes=len(convert(generator, Variant("float16", 256, "float32"))),
                milliseconds=milliseconds,
                times_keras=round(milliseconds / keras_milliseconds, 3),
                psnr_db=round(found.psnr, 2) if np.isfinite(found.psnr) else "the same",
                mean_error=float(f"{found.mean:.3g}"),
            )
        )
    return rows
