"""A generator of twice the width that draws the same pictures (Chen et al., Net2Net, 2016).

python tools/pairs/widen.py narrow.keras wide.keras
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from animegan_tf.networks.generator import build_generator, width_of
from animegan_tf.networks.keras_file import load_generator, save_generator


def widen(generator: tf.keras.Model, noise: float = 0.3, seed: int = 0) -> tf.keras.Model:
    """Doubles each channel, and halves what goes out of it.

    Instance norm works on each channel alone, so both copies of a channel stay equal and the
    result is the same up to rounding. What two copies send to a channel may differ, as long as
    the sum is kept: that is where noise goes, so that training moves the copies apart.

    Args:
        generator: from `build_generator` or `load_generator`, float32.
        noise: deviation of the noise, in those of the kernel.
        seed: of the noise.

    Returns:
        A float32 generator of twice the width.
    """
    rng = np.random.default_rng(seed)
    wide = build_generator(2 * width_of(generator))
    for old, new in zip(generator.layers, wide.layers):
        if old.weights:
            new.set_weights(
                [
                    _widened(old, array, new_array.shape, noise, rng)
                    for array, new_array in zip(old.get_weights(), new.get_weights())
                ]
            )
    return wide


def _widened(layer, array, shape, noise, rng):
    if not isinstance(layer, tf.keras.layers.Conv2D):  # A norm, or a depthwise convolution.
        return np.concatenate([array, array], -1 if array.ndim == 1 else 2)
    outputs = shape[3] // array.shape[3]
    array = np.concatenate([array] * outputs, 3)
    if shape[2] == array.shape[2]:  # The photo's three channels stay.
        return array
    shift = noise * array.std() / 2 * rng.standard_normal(array.shape).astype(np.float32)
    return np.concatenate([array / 2 + shift, array / 2 - shift], 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("narrow")
    parser.add_argument("wide")
    parser.add_argument("--noise", type=float, default=0.3)
    arguments = parser.parse_args()
    save_generator(widen(load_generator(arguments.narrow), arguments.noise), arguments.wide)


if __name__ == "__main__":
    main()
