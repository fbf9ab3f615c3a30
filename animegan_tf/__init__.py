"""AnimeGAN in TensorFlow 2: train a style, apply it, export it.

*AnimeGAN: A Novel Lightweight GAN for Photo Animation*, Chen, Liu, Chen (ISICA 2019).

Everywhere in this package a picture is NHWC, RGB, float32 in [-1, 1]; uint8 and OpenCV's BGR
order exist only in `animegan_tf.images` and at the outermost calls of `Stylizer`.
"""

import os

from animegan_tf.quiet import held_back_stderr

# TensorFlow logs a page of build details before any setting of its own can silence it, and
# Keras 3 would obey a keras.json that selects another backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"
with held_back_stderr():
    import tensorflow

    tensorflow.config.list_physical_devices()

from animegan_tf.generator import build_generator, load_generator, save_generator  # noqa: E402
from animegan_tf.stylize import Stylizer  # noqa: E402
from animegan_tf.version import __version__  # noqa: E402

__all__ = ["Stylizer", "__version__", "build_generator", "load_generator", "save_generator"]
