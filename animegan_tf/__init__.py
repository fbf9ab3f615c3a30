"""AnimeGAN in TensorFlow 2: train a style, apply it, export it.

*AnimeGAN: A Novel Lightweight GAN for Photo Animation*, Chen, Liu, Chen (ISICA 2019).

The house has a ground floor and eight wings; a wing imports only from those above it in this list,
and `training`, `styling`, and `exporting` do not import one another:

    errors, images, video, opencv, colors, parallel, devices, memory, runs,
    timing, quiet, version
                 what all wings stand on
    styles       the generators that come with the project, each with its card
    networks     the generator, the discriminator, their layers and losses; reading their files
    data         from folders and drawn scenes to training batches
    evaluation   how good pictures are: features, distances
    training     from batches to a run folder
    styling      from a photo or video to its anime picture
    exporting    from a generator to servers and phones
    cli          one verb each: train, infer, export, ...

Between wings a picture is NHWC, RGB, float32 in [-1, 1]. uint8 exists at the edges: in `images`, in
the arrays that `Stylizer` takes and gives, in what `data` caches, and in video and camera frames;
OpenCV's BGR order exists only where OpenCV reads and writes files and frames.

Importing this package does not load TensorFlow; the names below do, when they are first used.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from animegan_tf.quiet import import_tensorflow
from animegan_tf.version import __version__

if TYPE_CHECKING:
    from animegan_tf.networks import layers, losses
    from animegan_tf.networks.discriminator import build_discriminator
    from animegan_tf.networks.generator import build_generator
    from animegan_tf.networks.keras_file import load_generator, save_generator
    from animegan_tf.networks.perceptual import build_vgg19
    from animegan_tf.networks.tf1_checkpoint import import_generator
    from animegan_tf.styling.stylizer import Stylizer

# TensorFlow logs a page of build details before any setting of its own can silence it, and
# Keras 3 would obey a keras.json that selects another backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"

_HOMES = {
    "Stylizer": "animegan_tf.styling.stylizer",
    "build_discriminator": "animegan_tf.networks.discriminator",
    "build_generator": "animegan_tf.networks.generator",
    "build_vgg19": "animegan_tf.networks.perceptual",
    "import_generator": "animegan_tf.networks.tf1_checkpoint",
    "layers": "animegan_tf.networks",
    "load_generator": "animegan_tf.networks.keras_file",
    "losses": "animegan_tf.networks",
    "save_generator": "animegan_tf.networks.keras_file",
}

__all__ = [
    "Stylizer",
    "__version__",
    "build_discriminator",
    "build_generator",
    "build_vgg19",
    "import_generator",
    "layers",
    "load_generator",
    "losses",
    "save_generator",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_tensorflow()
    home = importlib.import_module(_HOMES[name])
    if name in ("layers", "losses"):
        return importlib.import_module(f"{_HOMES[name]}.{name}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
