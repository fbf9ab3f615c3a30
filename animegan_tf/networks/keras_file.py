"""Keras files of generators (`*.keras`), written and read on either Keras.

Keras 2 and Keras 3 don't read each other's layer configurations, but they agree on how weights are
laid out. So the network is built anew, at the width that the file has, and only the weights are
read. Nothing in a file is run: it is an archive whose members, JSON, and arrays are checked against
what a generator of that width can have, before memory is taken for them.
"""

from __future__ import annotations

import collections
import io
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.generator import (
    MAX_WIDTH,
    STAGES,
    build_generator,
    is_width,
    parameters_of,
)
from animegan_tf.networks.untrusted import hdf5_member, open_zip, read_array, read_member

_REMEDY = "Give the generator.keras of a training run"
_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_MAX_CONFIG = 1_000_000  # Keras writes about 120 kB.
_MAX_OVERHEAD = 4_000_000  # Of HDF5: about 400 kB, since Keras writes a group for every layer.
_DATE = (1980, 1, 1, 0, 0, 0)  # The earliest that a zip archive can have.


def save_generator(generator: tf.keras.Model, path: str | os.PathLike) -> None:
    """Writes a float32 Keras file (`*.keras`); a crash leaves the earlier file as it was."""
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        written = Path(folder) / "generator.keras"
        generator.save(written)
        os.replace(written, path)


def pack_generator(generator: tf.keras.Model, path: str | os.PathLike) -> None:
    """Writes a Keras file of less than half the size: float16 weights, compressed.

    `load_generator` reads it as float32. The same generator gives the same bytes on one version of
    Keras.

    Raises:
        ValueError: a weight is too large for float16.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        plain, packed = Path(folder) / "plain.keras", Path(folder) / "packed.keras"
        generator.save(plain)
        with zipfile.ZipFile(plain) as source, zipfile.ZipFile(packed, "w") as target:
            metadata = json.loads(source.read(_METADATA))
            metadata.pop("date_saved", None)
            for name, content, method in (
                (_METADATA, json.dumps(metadata).encode(), zipfile.ZIP_STORED),
                (_CONFIG, source.read(_CONFIG), zipfile.ZIP_DEFLATED),
                (_WEIGHTS, _packed_weights(generator), zipfile.ZIP_DEFLATED),
            ):
                target.writestr(zipfile.ZipInfo(name, _DATE), content, method)
        os.replace(packed, path)


def _packed_weights(generator):
    """As float16; the archive compresses what HDF5 needs around so many small arrays."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for layer, group in _weight_groups(generator):
            for i, weights in enumerate(layer.get_weights()):
                with np.errstate(over="ignore"):
                    half = weights.astype(np.float16)
                if not np.isfinite(half).all():
                    raise ValueError(f"{layer.name} has weights that float16 can't hold")
                file.create_dataset(
                    f"layers/{group}/vars/{i}",
                    data=half,
                    chunks=half.shape,
                    compression="gzip",
                    compression_opts=9,
                    shuffle=True,
                )
    return content.getvalue()


def load_generator(path: str | os.PathLike, dtype: str = "float32") -> tf.keras.Model:
    """Reads a generator from a Keras file that this module wrote, on either Keras.

    Args:
        path: the `.keras` file.
        dtype: as in `build_generator`.

    Raises:
        UserError: the file is missing, damaged, or holds another network.
    """
    try:
        with open_zip(path) as archive:
            width = _width_in(read_member(archive, _CONFIG, _MAX_CONFIG))
            if width is None:
                reason = "a Keras model, but not an AnimeGAN generator"
                raise UserError(Finding(str(path), reason, _REMEDY))
            limit = 4 * parameters_of(width) + _MAX_OVERHEAD
            weights = read_member(archive, _WEIGHTS, limit)
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        reason = f"not a readable Keras file ({error})"
        raise UserError(Finding(str(path), reason, _REMEDY)) from error
    generator = build_generator(width, dtype)
    try:
        with h5py.File(io.BytesIO(weights), "r") as file:
            for layer, group in _weight_groups(generator):
                arrays = hdf5_member(file, "layers", group, "vars")
                layer.set_weights(
                    [
                        read_array(hdf5_member(arrays, str(i)), variable.shape)
                        for i, variable in enumerate(layer.weights)
                    ]
                )
    except (KeyError, ValueError, TypeError, OSError, RuntimeError) as error:
        raise UserError(Finding(str(path), f"its weights do not fit ({error})", _REMEDY)) from error
    return generator


def _width_in(config: bytes) -> int | None:
    """The generator's width that a Keras configuration says; it is read as data, never built.

    None for the configuration of another network.

    Raises:
        ValueError: not a configuration, or an impossible width.
    """
    first = STAGES[0].name
    try:
        layers = json.loads(config)["config"]["layers"]
        named = [layer["config"] for layer in layers if layer["config"].get("name") == first]
        widths = [config["filters"] for config in named]
    except RecursionError as error:
        raise ValueError(f"{_CONFIG} is nested too deeply") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{_CONFIG} does not describe a network of layers") from error
    if len(widths) != 1:
        return None
    if not is_width(widths[0]):
        found = str(widths[0])[:40]
        raise ValueError(f"its width must be an even number from 2 to {MAX_WIDTH}, not {found}")
    return widths[0]


def _weight_groups(model: tf.keras.Model) -> Iterator[tuple[tf.keras.layers.Layer, str]]:
    """The layers with weights, and their groups below `layers` in Keras's files.

    Keras numbers the layers of a class: `conv2d`, `conv2d_1`, ...; each group has `vars/0`, ...
    """
    seen: collections.Counter = collections.Counter()
    for layer in model.layers:
        kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        if layer.weights:
            yield layer, name
