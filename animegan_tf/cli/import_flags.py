"""Reads the generator from a checkpoint of the authors' TensorFlow 1 code.

animegan import Hayao-60.ckpt hayao.keras
"""

from __future__ import annotations

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = True
WHEN_INTERRUPTED = "Nothing was written."

FLAGS = new_flags()
