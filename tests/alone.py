"""Runs a short program in a process of its own, without the project and TensorFlow."""

import subprocess
import sys

import numpy as np


def run_alone(program, model, inputs, folder):
    np.save(folder / "in.npy", inputs)
    subprocess.run(
        [sys.executable, "-I", "-c", program, model, folder / "in.npy", folder / "out.npy"],
        check=True,
        cwd=folder,
        capture_output=True,
        timeout=60,
    )
    return np.load(folder / "out.npy")
