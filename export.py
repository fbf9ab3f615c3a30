#!/usr/bin/env python3
"""`python export.py` is `animegan export`, from a clone."""

import sys

from animegan_tf.cli.main import run_verb

sys.exit(run_verb("export", sys.argv))
