"""AnimeGAN in TensorFlow 2: train a style, apply it, export it.

*AnimeGAN: A Novel Lightweight GAN for Photo Animation*, Chen, Liu, Chen (ISICA 2019).

Everywhere in this package a picture is NHWC, RGB, float32 in [-1, 1]; uint8 and OpenCV's BGR
order exist only in `animegan_tf.images` and at the outermost calls of `Stylizer`.
"""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def _held_back_stderr():
    """Keeps what native libraries print while they load; shows it only if loading fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)


# TensorFlow logs a page of build details before any setting of its own can silence it, and
# Keras 3 would obey a keras.json that selects another backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"
with _held_back_stderr():
    import tensorflow

    tensorflow.config.list_physical_devices()

from animegan_tf.generator import build_generator, load_generator, save_generator  # noqa: E402
from animegan_tf.stylize import Stylizer  # noqa: E402
from animegan_tf.version import __version__  # noqa: E402

__all__ = ["Stylizer", "__version__", "build_generator", "load_generator", "save_generator"]
