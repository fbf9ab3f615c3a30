"""Draws the demo data set in a folder: `animegan draw FOLDER`."""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = True
WHEN_INTERRUPTED = "Run it again to go on; what was drawn is used."

FLAGS = new_flags()
flags.DEFINE_integer("photos", 96, "how many photo-like training pictures", flag_values=FLAGS)
flags.DEFINE_integer("anime", 96, "how many cel-like training pictures", flag_values=FLAGS)
flags.DEFINE_integer("val", 8, "how many photo-like validation pictures", flag_values=FLAGS)
flags.DEFINE_integer("size", 256, "their height and width in pixels, 64 to 2048", flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "another seed draws other pictures", flag_values=FLAGS)
