"""Keras files of generators (`*.keras`), written and read on either Keras."""

from __future__ import annotations

import collections
import io
import json
import os
import re
import tempfile
import zipfile
from pathlib import Path

import h5py
import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.generator import STAGES, build_generator


def save_generator(generator: tf.keras.Model, path: str | os.PathLike) -> None:
    """Writes a float32 Keras file (`*.keras`); a crash leaves the earlier file as it was."""
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".saving-") as folder:
        written = Path(folder) / "generator.keras"
        generator.save(written)
        os.replace(written, path)


def load_generator(path: str | os.PathLike, dtype: str = "float32") -> tf.keras.Model:
    """Reads a generator from a Keras file that `save_generator` wrote, on either Keras.

    Keras 2 and Keras 3 don't read each other's layer configurations, but they agree on how
    weights are laid out. So the network is built anew, at the width that the file has, and only
    the weights are read.

    Args:
        path: the `.keras` file.
        dtype: as in `build_generator`.

    Raises:
        UserError: the file is missing, damaged, or holds another network.
    """
    remedy = "Give the generator.keras of a training run"
    try:
        with zipfile.ZipFile(path) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
            weights = archive.read("model.weights.h5")
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UserError(
            Finding(str(path), f"not a readable Keras file ({error})", remedy)
        ) from error
    widths = [layer["config"]["filters"] for layer in layers if layer.get("name") == STAGES[0].name]
    if len(widths) != 1:
        raise UserError(Finding(str(path), "a Keras model, but not an AnimeGAN generator", remedy))
    generator = build_generator(widths[0], dtype)
    try:
        with h5py.File(io.BytesIO(weights)) as file:
            _set_weights(generator, file["layers"])
    except (KeyError, ValueError, OSError) as error:
        raise UserError(Finding(str(path), f"its weights do not fit ({error})", remedy)) from error
    return generator


def _set_weights(model, groups):
    """Reads Keras's weights layout: `<class>`, `<class>_1`, ..., each with `vars/0`, `vars/1`."""
    seen = collections.Counter()
    for layer in model.layers:
        kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        if layer.weights:
            arrays = groups[name]["vars"]
            layer.set_weights([arrays[str(i)][()] for i in range(len(arrays))])
