#!/usr/bin/env python3
"""`python train.py` is `animegan train`, from a clone."""

import sys

from animegan_tf.cli.main import run_verb

sys.exit(run_verb("train", sys.argv))
