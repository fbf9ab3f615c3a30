#!/usr/bin/env python3
"""`python infer.py` is `animegan infer`, from a clone."""

import sys

from animegan_tf.cli.main import run_verb

sys.exit(run_verb("infer", sys.argv))
