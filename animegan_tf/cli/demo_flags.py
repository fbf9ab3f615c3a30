"""Shows what the project does, on one page: `animegan demo`.

Drawn photos and a real one in every style that comes with the project, and a short training of a
style from drawn pictures. Nothing is downloaded. Run it again to train further.
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Run it again to go on."

FLAGS = new_flags()
flags.DEFINE_string("folder", "demo", "where everything goes", flag_values=FLAGS)
flags.DEFINE_integer(
    "seconds",
    90,
    "how long to train at most; 0 leaves the training out",
    lower_bound=0,
    flag_values=FLAGS,
)
