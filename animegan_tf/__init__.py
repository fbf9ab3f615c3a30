"""AnimeGAN in TensorFlow 2: train a style, apply it, export it.

*AnimeGAN: A Novel Lightweight GAN for Photo Animation*, Chen, Liu, Chen (ISICA 2019).

Everywhere in this package a picture is NHWC, RGB, float32 in [-1, 1]; uint8 and OpenCV's BGR
order exist only in `animegan_tf.images` and at the outermost calls of `Stylizer`.
"""

import os
import warnings

# Before TensorFlow is first imported: its start-up chatter says nothing a user can act on, and
# Keras 3 would otherwise obey a keras.json that selects another backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
os.environ["KERAS_BACKEND"] = "tensorflow"
warnings.filterwarnings("ignore", message="(?s).*TensorFlow Addons")

__version__ = "1.0.0"
