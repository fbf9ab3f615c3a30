"""The golden weights and pictures: see tests/golden/README.md."""

import functools
import hashlib
import json
import zlib

import numpy as np
from project import GOLDEN

from animegan_tf.networks.tf1_checkpoint import generator_variable_names

ZERO_GRADIENT = {f"g/in_{i}/beta" for i in (11, 14, 17, 20, 23, 26, 29, 32)}
"""A constant per channel that the next instance norm removes: what is stored is rounding noise."""

DISCRIMINATOR_LAYERS = ["conv1", "conv2_s2", "conv2", "conv3_s2", "conv3", "conv4", "logit_conv"]
_DISCRIMINATOR_NORMS = ["conv2_norm", "conv3_norm", "conv4_norm"]


@functools.lru_cache(None)
def layers():
    return json.loads((GOLDEN / "layers.json").read_text())


@functools.lru_cache(None)
def arrays(name):
    with np.load(GOLDEN / f"{name}.npz") as archive:
        return {key: archive[key] for key in archive.files}


def values(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def picture(name):
    """A golden input as the network takes it: float32 NHWC in [-1, 1]."""
    pixels = arrays("inputs")[name]
    if pixels.ndim == 3:
        pixels = np.repeat(pixels[..., None], 3, axis=-1)
    return pixels.astype(np.float32) / 127.5 - 1


def training_batch():
    keys = {
        "photo": "photo_64",
        "anime": "anime_64",
        "gray": "anime_gray_64",
        "edge_gray": "smooth_gray_64",
    }
    return {key: picture(name) for key, name in keys.items()}


def weight(record):
    """The value of one variable of layers.json, checked against its hash."""
    shape, kind = record["shape"], record["kind"]
    z = np.random.RandomState(zlib.crc32(record["name"].encode())).standard_normal(shape)
    z = z.astype(np.float32)
    if kind in ("conv_kernel", "depthwise_kernel"):
        fan_in = np.prod(shape[:3] if kind == "conv_kernel" else shape[:2])
        value = z * np.float32(np.sqrt(2 / fan_in))
    else:
        value = {
            "gamma": lambda: np.float32(1) + np.float32(0.1) * z,
            "beta": lambda: np.float32(0.1) * z,
            "bias": lambda: np.float32(0.01) * z,
            "u": lambda: z,
        }[kind]()
    assert hashlib.sha256(value.astype("<f4").tobytes()).hexdigest() == record["sha256_float32_le"]
    return value


def _variable(model, path):
    layer, attribute = path.split("/")
    layer = model.get_layer(layer)
    if attribute == "depthwise_kernel":
        return layer.trainable_weights[0]
    if attribute == "kernel" and hasattr(layer, "layer"):
        return layer.layer.kernel
    return getattr(layer, attribute)


def generator_paths():
    """Our "layer/variable" of each golden name, such as "g/conv_00/kernel"."""
    ours = {tf1: path for path, tf1 in generator_variable_names().items()}
    return {record["name"]: ours[record["tf1_name"]] for record in layers()["generator"]}


def discriminator_paths():
    def path(name):
        _, unit, attribute = name.split("/")
        kind, number = unit.split("_")
        if kind == "in":
            return f"{_DISCRIMINATOR_NORMS[int(number)]}/{attribute}"
        return f"{DISCRIMINATOR_LAYERS[int(number)]}_sn/{attribute}"

    return {record["name"]: path(record["name"]) for record in layers()["discriminator"]}


def generator_variables(model):
    return {name: _variable(model, path) for name, path in generator_paths().items()}


def discriminator_variables(model):
    return {name: _variable(model, path) for name, path in discriminator_paths().items()}


def load_golden_weights(variables, network):
    for record in layers()[network]:
        variables[record["name"]].assign(weight(record))


def load_golden_vgg19(model):
    for record in layers()["vgg19"]:
        _, unit, attribute = record["name"].split("/")
        block, i = unit[4:].split("_")
        if (int(block), int(i)) <= (4, 4):
            layer = model.get_layer(f"block{block}_conv{i}")
            getattr(layer, attribute).assign(weight(record))
