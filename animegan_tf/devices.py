"""The device that does the work, and what this machine is."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import tensorflow as tf

from animegan_tf.errors import Finding, UserError


def select_device(device: str) -> str:
    """Makes TensorFlow use one device, and lets GPU memory grow as it is needed.

    Call it before TensorFlow computes anything.

    Args:
        device: "auto" (a GPU if there is one), "cpu", "gpu" or "gpu:N".

    Returns:
        What was chosen, for the log.

    Raises:
        UserError: no such device; says which there are.
    """
    gpus = tf.config.list_physical_devices("GPU")
    match = re.fullmatch(r"auto|cpu|gpu(?::(\d+))?", device.lower())
    if not match:
        raise UserError(
            Finding(f"--device={device}", "unknown device", "Use auto, cpu, gpu or gpu:N")
        )
    if match[0] == "cpu" or (match[0] == "auto" and not gpus):
        tf.config.set_visible_devices([], "GPU")
        return "CPU" if gpus or match[0] == "cpu" else "CPU (TensorFlow sees no GPU)"
    index = int(match[1] or 0)
    if index >= len(gpus):
        raise UserError(
            Finding(
                f"--device={device}",
                f"TensorFlow sees {len(gpus)} GPU(s)",
                "Use --device=cpu, or install a CUDA build: pip install 'tensorflow[and-cuda]'",
            )
        )
    tf.config.set_visible_devices(gpus[index], "GPU")
    return f"{prepare_gpu(gpus[index])} (gpu:{index})"


def prepare_gpu(gpu: tf.config.PhysicalDevice) -> str:
    """Lets a GPU's memory grow as it is needed; returns the GPU's name."""
    tf.config.experimental.set_memory_growth(gpu, True)
    return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")


def processor_name() -> str:
    """The processor, as far as the system says."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
