"""Writes the TFLite files of a generator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan_tf.exporting.parity import EXACT, FLOAT16, INT8, Artifact, Reference, Route
from animegan_tf.exporting.tflite.conversion import SIGNATURE, Variant, convert
from animegan_tf.exporting.tflite.metadata import (
    counted,
    describe,
    gpu_note,
    operations_of,
    write_metadata,
)
from animegan_tf.exporting.tflite.quantization import Quantizer
from animegan_tf.exporting.tflite.runtime import RUNTIME, runner

SIZES = (256, 512, None)
"""Height and width of the files; None: any."""

LIMITS = {"float32": EXACT, "float16": FLOAT16, "dynamic_int8": INT8, "int8": INT8}
"""Of each precision: float32, float16 weights, int8 weights, int8 weights and activations."""


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
        self._io_type = io_type
        self._quantizer = Quantizer(generator, reference, photos)

    def export(
        self,
        folder: Path,
        output: Path,
        sizes: Iterable[int | None] = SIZES,
        precisions: Iterable[str] = tuple(LIMITS),
    ) -> Iterator[Artifact]:
        """Writes a file of each precision in each size.

        Args:
            folder: where the files are written.
            output: the folder where they belong.
            sizes: as `SIZES`.
            precisions: keys of `LIMITS`.
        """
        for side in sizes:
            for precision in precisions:
                yield self._export_one(Variant(precision, side, self._io_type), folder, output)

    def _export_one(self, variant, folder, output):
        path = folder / variant.file_name
        if variant.precision in ("dynamic_int8", "int8"):
            quantized = self._quantizer.quantize(variant)
            content, notes = quantized.content, [quantized.note]
        else:
            content, notes = convert(self._generator, variant), []
        path.write_bytes(content)
        operations = operations_of(content)
        notes += [f"operations: {counted(operations)}", gpu_note(operations, variant)]
        write_metadata(path, variant)
        shape = describe(variant)
        run = runner(path.read_bytes(), variant.io_type)
        return Artifact(
            name=f"TFLite {variant.precision}",
            path=path,
            destination=output / variant.file_name,
            limit=LIMITS[variant.precision],
            size=(variant.side, variant.side) if variant.side else None,
            runtime=RUNTIME,
            notes=notes,
            routes=[Route(SIGNATURE, f"photo: {shape}", f"anime: {shape}", run)],
        )
