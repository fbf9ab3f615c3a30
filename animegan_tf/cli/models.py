"""Which network --style and --model mean, for every command that has both."""

from __future__ import annotations

from collections.abc import Callable

from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.loading import ModelFile, find_model
from animegan_tf.runs import newest_run


def choose_model(
    style: str | None,
    model: str | None,
    find: Callable[[str], ModelFile] = find_model,
) -> ModelFile:
    """The network that the command line names.

    Args:
        style: the value of --style: the newest finished run of a style.
        model: the value of --model: a path.
        find: `find_model`, or `find_weights` where the weights themselves are needed.

    Raises:
        UserError: neither or both are given, the style has no finished run, or the path is no
            network.
    """
    if bool(style) == bool(model):
        raise UserError(
            Finding(
                "--style, --model",
                "exactly one of them is needed",
                "Give --style for a style trained here, or --model for a file",
            )
        )
    if style:
        remedy = f"Train it: python train.py --style {style}; or give --model"
        model = str(newest_run(style, "generator.keras", remedy))
    return find(model)
