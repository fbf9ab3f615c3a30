"""Lists the styles that come with the project: license, size, figures, and known faults.

animegan styles
animegan styles --output styles.html
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Nothing was written."
NEEDS_TENSORFLOW = False

FLAGS = new_flags()
flags.DEFINE_string(
    "output", None, "write a page with photos before and after, an .html file", flag_values=FLAGS
)
flags.DEFINE_bool("overwrite", False, "replace the page if it exists", flag_values=FLAGS)
