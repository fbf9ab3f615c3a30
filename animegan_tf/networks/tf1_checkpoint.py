"""Import of the checkpoints that the authors' TensorFlow 1 code writes.

The released Hayao checkpoint becomes a Keras file like that of any training run:

    animegan import Hayao-60.ckpt hayao.keras

Hayao-60.ckpt stands for the files Hayao-60.ckpt.index and Hayao-60.ckpt.data-00000-of-00001;
Hayao-60.ckpt.meta is not needed.
"""

from __future__ import annotations

import os
import re

import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.generator import build_generator, is_width

SCOPE = "generator/G_MODEL/"
"""Every generator variable of the authors' code has a name that begins so."""

_REMEDY = (
    "Give the checkpoint's prefix, such as Hayao-60.ckpt, with its .index and "
    ".data-00000-of-00001 files in one folder"
)


def generator_variable_names() -> dict[str, str]:
    """Maps each generator weight, "layer/variable", to the authors' TensorFlow 1 name.

    129 entries, for example "b1_conv1/kernel" to "generator/G_MODEL/b1/Conv/weights".
    """
    names = {}

    def norm(layer, scope):
        for variable in ("beta", "gamma"):
            names[f"{layer}_norm/{variable}"] = f"generator/G_MODEL/{scope}/{variable}"

    def conv(layer, scope, norm_scope=None):
        names[f"{layer}/kernel"] = f"generator/G_MODEL/{scope}/weights"
        if norm_scope:
            norm(layer, norm_scope)

    def separable(layer, scope):
        scope_name = f"generator/G_MODEL/{scope}"
        names[f"{layer}_depthwise/depthwise_kernel"] = f"{scope_name}/depthwise_weights"
        names[f"{layer}_pointwise/kernel"] = f"{scope_name}/pointwise_weights"
        norm(layer, f"{scope}/InstanceNorm")

    conv("b1_conv1", "b1/Conv", "b1/InstanceNorm")
    conv("b1_conv2", "b1/Conv_1", "b1/InstanceNorm_1")
    separable("b1_down_strided", "b1/SeparableConv2d")
    separable("b1_down_resized", "b1/SeparableConv2d_1")

    conv("b2_conv", "b2/Conv", "b2/InstanceNorm")
    separable("b2_sep", "b2/SeparableConv2d")
    separable("b2_down_strided", "b2/SeparableConv2d_1")
    separable("b2_down_resized", "b2/SeparableConv2d_2")

    conv("m_conv1", "m/Conv", "m/InstanceNorm")
    for i in range(1, 9):
        scope = f"m/r{i}"
        conv(f"m_r{i}_expand", f"{scope}/Conv", f"{scope}/InstanceNorm")
        names[f"m_r{i}_depthwise/depthwise_kernel"] = f"generator/G_MODEL/{scope}/r{i}/w"
        norm(f"m_r{i}_depthwise", f"{scope}/1")
        conv(f"m_r{i}_project", f"{scope}/Conv_1", f"{scope}/2")
    conv("m_conv2", "m/Conv_1", "m/InstanceNorm_1")

    separable("u2_up", "u2/SeparableConv2d")
    separable("u2_sep", "u2/SeparableConv2d_1")
    conv("u2_conv", "u2/Conv", "u2/InstanceNorm")

    separable("u1_up", "u1/SeparableConv2d")
    conv("u1_conv1", "u1/Conv", "u1/InstanceNorm")
    conv("u1_conv2", "u1/Conv_1", "u1/InstanceNorm_1")
    conv("output_conv", "Conv")
    return names


def checkpoint_prefix(path: str | os.PathLike) -> str:
    """Finds the prefix of a TensorFlow checkpoint.

    Args:
        path: the prefix itself, one of its files (`.index`, `.data-*`, `.meta`), or a folder
            with TensorFlow's `checkpoint` file, which names the newest one.

    Raises:
        UserError: there is no checkpoint, or one of its files is missing.
    """
    path = str(path)
    if os.path.isdir(path):
        newest = tf.train.latest_checkpoint(path)
        if newest is None:
            raise UserError(Finding(path, "a folder in which no checkpoint is named", _REMEDY))
        return newest
    prefix = re.sub(r"\.(index|meta|data-\d{5}-of-\d{5})$", "", path)
    folder, name = os.path.split(prefix)
    siblings = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    # A pipe or a device in a file's place would be read forever.
    siblings = [name for name in siblings if os.path.isfile(os.path.join(folder, name))]
    shard_name = re.compile(re.escape(name) + r"\.data-(\d{5})-of-(\d{5})")
    matches = [shard_name.fullmatch(sibling) for sibling in siblings]
    shards = [(int(match[1]), int(match[2])) for match in matches if match]
    if name + ".index" in siblings:
        count = shards[0][1] if shards else 1
        missing = set(range(count)) - {number for number, _ in shards}
        if missing:
            raise UserError(
                [
                    Finding(
                        f"{prefix}.data-{number:05}-of-{count:05}",
                        "this file of the checkpoint is missing; it holds the "
                        "weights, while .index only lists them",
                        "Put it beside the .index file",
                    )
                    for number in sorted(missing)
                ]
            )
        return prefix
    if shards:
        raise UserError(
            Finding(
                prefix + ".index",
                "this file of the checkpoint is missing",
                "Put it beside the .data file",
            )
        )
    if not os.path.isfile(prefix):  # The older format of TensorFlow is a single file.
        raise UserError(Finding(path, "no such checkpoint", _REMEDY))
    return prefix


def read_checkpoint(path: str | os.PathLike) -> tf.train.CheckpointReader:
    """Opens a checkpoint, see `checkpoint_prefix`; a damaged one is a UserError as well."""
    prefix = checkpoint_prefix(path)
    try:
        return tf.train.load_checkpoint(prefix)
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            Finding(prefix, f"not a readable checkpoint ({reason})", _REMEDY)
        ) from error


def import_generator(path: str | os.PathLike, dtype: str = "float32") -> tf.keras.Model:
    """Reads the generator from a checkpoint of the authors' code.

    Strict: each of the 129 variables is used exactly once, at its exact shape, and no other
    variable may stand under `generator/G_MODEL/`. A checkpoint in the middle of training also
    holds the discriminator and the optimizers' slots; these are left out.

    Args:
        path: the checkpoint, see `checkpoint_prefix`.
        dtype: as in `build_generator`.

    Raises:
        UserError: the checkpoint is incomplete, damaged or of another network; every variable
            that does not fit is named.
    """
    reader = read_checkpoint(path)
    shapes = reader.get_variable_to_shape_map()
    first = shapes.get(f"{SCOPE}b1/Conv/weights", ())
    if len(first) != 4 or not is_width(first[-1]):
        found = ", ".join(sorted(shapes)[:3]) or "nothing"
        raise UserError(
            Finding(
                str(path),
                f"expected the variables of AnimeGAN's generator ({SCOPE}...), found "
                f"{len(shapes)} others ({found} ...)",
                "Give a checkpoint of the authors' AnimeGAN",
            )
        )

    generator = build_generator(first[-1], dtype)
    theirs = generator_variable_names()
    variables = {ours: _variable(generator, ours) for ours in theirs}
    findings = [
        Finding(
            str(path),
            f"{name} is not a variable of AnimeGAN's generator",
            "Give a checkpoint of AnimeGAN, not of a later version",
        )
        for name in sorted(shapes)
        if name.startswith(SCOPE) and not _is_optimizer_slot(name) and name not in theirs.values()
    ]
    for ours, variable in variables.items():
        expected, found = list(variable.shape), shapes.get(theirs[ours])
        if found is None:
            findings.append(Finding(str(path), f"{theirs[ours]} is missing", _REMEDY))
        elif list(found) != expected:
            findings.append(
                Finding(
                    str(path),
                    f"{theirs[ours]} should have the shape {expected}, but has {list(found)}",
                    _REMEDY,
                )
            )
    if findings:
        raise UserError(findings)

    try:
        for ours, variable in variables.items():
            variable.assign(reader.get_tensor(theirs[ours]))
    except (tf.errors.OpError, IndexError) as error:
        raise UserError(
            Finding(str(path), "its data file is damaged or cut short", "Copy or download it again")
        ) from error
    return generator


def _variable(generator, path):
    layer, name = path.split("/")
    layer = generator.get_layer(layer)
    # Keras 2 and Keras 3 have different attributes for the one weight of a depthwise convolution.
    return layer.weights[0] if name == "depthwise_kernel" else getattr(layer, name)


def _is_optimizer_slot(name):
    return re.search(r"/Adam(_\d+)?$", name) is not None
