"""The generator that a run starts from, if not from random weights."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.generator import WIDTH, width_of
from animegan_tf.networks.loading import find_weights, read_model
from animegan_tf.styles import find_style, is_shipped


def load_start(source: str, width: int) -> tuple[tf.keras.Model, str]:
    """Reads the generator that `--start_from` names.

    Args:
        source: the name of a style that comes with the project or was trained here, or a path to
            a run, a Keras file, or a checkpoint.
        width: of the run's networks.

    Returns:
        The generator, and in words where it is from.

    Raises:
        UserError: there is no such generator, or it has another width.
    """
    flag = f"--start_from={source}"
    try:
        if is_shipped(source) or not Path(source).exists():
            path, description = find_style(source, light=width != WIDTH)
        else:
            path, description = Path(source), source
        generator = read_model(find_weights(path))
    except UserError as error:
        raise UserError(
            [
                Finding(f"{flag}: {finding.where}", finding.reason, finding.remedy)
                for finding in error.findings
            ]
        ) from error
    found = width_of(generator)
    if found != width:
        raise UserError(
            Finding(
                flag,
                f"its width is {found}, and the run's is {width}",
                f"Give --width={found}, or another start",
            )
        )
    return generator, description
