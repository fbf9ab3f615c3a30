"""Says how good a style is, in figures and on a page with the pictures.

    animegan evaluate --style cel --photos photos/ --anime frames/
    animegan evaluate --model hayao.keras --photos photos/ --anime hayao/ --features hed
    animegan evaluate --results made_elsewhere/ --photos photos/ --anime hayao/

The photos must be others than those of the training. What the figures mean: docs/evaluation.md.
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Nothing was written."

FLAGS = new_flags()
flags.DEFINE_string(
    "style", None, "a style trained here, or one that comes with the project", flag_values=FLAGS
)
flags.DEFINE_string("model", None, "the network to judge: a file or folder", flag_values=FLAGS)
flags.DEFINE_string(
    "results",
    None,
    "judge this folder's pictures, made by any program, in place of a network's; each is named as "
    "its photo",
    flag_values=FLAGS,
)
flags.DEFINE_string("photos", None, "folder of the photos", flag_values=FLAGS)
flags.DEFINE_string("anime", None, "folder of pictures in the wanted style", flag_values=FLAGS)
flags.DEFINE_string(
    "features",
    "inception",
    "what to measure with: inception, vgg19, hed, random, or a VGG19 file",
    flag_values=FLAGS,
)
flags.DEFINE_integer(
    "size",
    256,
    "pictures are brought to this shorter side and cut to the square in their middle",
    lower_bound=75,
    upper_bound=2048,
    flag_values=FLAGS,
)
flags.DEFINE_string(
    "output",
    "evaluation",
    "folder for judgment.json, index.html, and the page's pictures",
    flag_values=FLAGS,
)
flags.DEFINE_bool(
    "overwrite", False, "replace an earlier evaluation in that folder", flag_values=FLAGS
)
flags.DEFINE_integer(
    "pictures", 60, "how many photos the page shows", lower_bound=0, flag_values=FLAGS
)
flags.DEFINE_string("device", "auto", "auto, cpu, gpu or gpu:N", flag_values=FLAGS)
