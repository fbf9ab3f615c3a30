"""Makes a browser page that runs styles: static files, for any host or this machine.

animegan web --serve
animegan web --styles cel,shinkai --output page
"""

from __future__ import annotations

from absl import flags

from animegan_tf.cli.command import new_flags

TAKES_ARGUMENTS = False
WHEN_INTERRUPTED = "Nothing half-written is left; run it again."

FLAGS = new_flags()
flags.DEFINE_list(
    "styles",
    [],
    "styles on the page, trained here or shipped; default: all that come with the project",
    flag_values=FLAGS,
)
flags.DEFINE_string("output", "exports/web", "folder of the page", flag_values=FLAGS)
flags.DEFINE_bool(
    "serve", False, "then serve the page to this machine until Ctrl-C", flag_values=FLAGS
)
flags.DEFINE_integer(
    "port",
    8000,
    "port of --serve on 127.0.0.1",
    lower_bound=0,
    upper_bound=65535,
    flag_values=FLAGS,
)
