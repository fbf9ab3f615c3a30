"""Which network --style and --model mean, for every command that has both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from animegan_tf import styles
from animegan_tf.errors import Finding, UserError
from animegan_tf.networks.loading import ModelFile, find_model


class ChosenModel(NamedTuple):
    """A network that the command line names.

    Attributes:
        file: where it is.
        words: which one it is, to be shown.
        options: settings of `Stylizer` that suit it, if it comes with the project.
    """

    file: ModelFile
    words: str
    options: Mapping[str, Any]


def choose_model(
    style: str | None,
    model: str | None,
    find: Callable[[str], ModelFile] = find_model,
    *,
    default: str | None = None,
) -> ChosenModel:
    """Finds the network that the command line names.

    Args:
        style: the value of --style: a style that was trained here or comes with the project.
        model: the value of --model: a path.
        find: `find_model`, or `find_weights` where the weights themselves are needed.
        default: the style that is meant where neither is given.

    Raises:
        UserError: both are given, or neither where there is no default; the style has no
            finished run and does not come with the project; or the path is no network.
    """
    if not (style or model) and default and styles.is_shipped(default):
        style = default
    if bool(style) == bool(model):
        raise UserError(
            Finding(
                "--style, --model",
                "exactly one of them is needed",
                "Give --style for a style that comes with the project or was trained here, or "
                "--model for a file",
            )
        )
    if model:
        return ChosenModel(find(model), model, styles.options_of(model))
    assert style is not None
    path, words = styles.find_style(style)
    file = find(str(path))
    return ChosenModel(file, words, styles.options_of(path))
