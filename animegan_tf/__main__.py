"""`python -m animegan_tf` is the `animegan` command."""

import sys

from animegan_tf.cli.main import main

sys.exit(main(["animegan", *sys.argv[1:]]))
