"""The styles that come with the project: where their files are, and what their cards say.

A style is a folder here, named as the style:

    generator.keras   the generator at the paper's width of 64, float16 in the file
    light.keras       a smaller one, for phones and browsers
    card.json         what it was made from, its license, figures, and faults: see `Card`
    pairs/            photos before and after, small, for the card

Nothing here loads TensorFlow.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from animegan_tf.errors import Finding, UserError
from animegan_tf.runs import RUNS, runs_of

FOLDER = Path(__file__).parent
DEFAULT = "cel"
"""The style of a command that is given none."""
START = "photo"
"""Not a style but the start of one: a generator that gives photos back."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """A photo before and after, to be shown with its style.

    Attributes:
        before, after: files in the style's folder.
        title: what it shows.
        credit: the author, the source, and the license of the photo.
    """

    before: str
    after: str
    title: str
    credit: str


@dataclasses.dataclass(frozen=True)
class Card:
    """What there is to know about a style before it is used.

    Attributes:
        name: as commands take it.
        summary: what it looks like, one sentence.
        license: of the weights.
        attribution: the line to print where the license asks for one; may be empty.
        data: what it was trained on: a mapping with `what`, `license`, and `source` for each part.
        commands: what was run, in order.
        steps: how long it was trained, in words.
        figures: measured on photos that it was not trained on, by name.
        faults: what is known to go wrong.
        options: settings of `Stylizer` that suit the style, by name, such as `fit_colors`.
        pairs: photos before and after.
    """

    name: str
    summary: str
    license: str
    attribution: str
    data: Sequence[Mapping[str, str]]
    commands: Sequence[str]
    steps: str
    figures: Mapping[str, float | str]
    faults: Sequence[str]
    options: Mapping[str, bool | float] = dataclasses.field(default_factory=dict)
    pairs: Sequence[Pair] = ()


def shipped() -> list[str]:
    """The names of the styles that come with the project, sorted; `START` is not one."""
    return [name for name in _folders() if name != START]


def path_of(name: str, *, light: bool = False) -> Path:
    """The file with a shipped generator.

    Args:
        name: one of `shipped()`, or `START`; case does not matter.
        light: take the smaller generator.

    Raises:
        UserError: no such style, or it has no light generator.
    """
    folder = _folder_of(name)
    if not light:
        return folder / "generator.keras"
    if not has_light(name):
        raise UserError(
            Finding(f"style {name}", "has no light generator", "Use that of full width")
        )
    return folder / "light.keras"


def has_light(name: str) -> bool:
    """Whether a shipped style has a smaller generator as well."""
    return (_folder_of(name) / "light.keras").is_file()


def card_of(name: str) -> Card:
    """The card of a shipped style.

    Raises:
        UserError: no such style.
    """
    content = json.loads((_folder_of(name) / "card.json").read_text(encoding="utf-8"))
    content["pairs"] = [Pair(**pair) for pair in content.get("pairs", [])]
    return Card(**content)


def options_of(path: str | os.PathLike) -> Mapping[str, bool | float]:
    """The settings of `Stylizer` that suit a file: those of the shipped style it belongs to."""
    card = card_of_file(path)
    return card.options if card else {}


def card_of_file(path: str | os.PathLike) -> Card | None:
    """The card of the shipped style that a file belongs to; None if it belongs to none."""
    folder = Path(path).resolve().parent
    return card_of(folder.name) if folder.parent == FOLDER.resolve() else None


def is_shipped(name: str) -> bool:
    """Whether a style of this name comes with the project; `START` does."""
    return name.lower() in _folders()


def find_style(name: str, *, light: bool = False) -> tuple[Path, str]:
    """The generator that a command's `--style` means.

    A style trained here, under `runs/`, comes before a shipped one of the same name.

    Args:
        name: of the style.
        light: take the smaller generator of a shipped style. A run has one generator only.

    Returns:
        The file, and in words which one it is, to be shown.

    Raises:
        UserError: neither a finished run nor a shipped style has this name, or the shipped one
            has no light generator.
    """
    for run in reversed(runs_of(name)):
        if (run / "generator.keras").exists():
            note = f"style {name}, trained here: {run}"
            if is_shipped(name):
                note += " (not the style of this name that comes with the project)"
            return run / "generator.keras", note
    if not is_shipped(name):
        raise UserError(
            Finding(
                f"--style={name}",
                f"no finished run under {RUNS / name.lower()}, and no style of this name comes "
                f"with the project (these do: {', '.join(shipped()) or 'none'})",
                f"Train it: animegan train --style {name}; or use --model",
            )
        )
    return path_of(name, light=light), f"style {name.lower()}, which comes with the project"


def _folders():
    return sorted(
        path.parent.name
        for path in FOLDER.glob("*/generator.keras")
        if path.with_name("card.json").is_file()
    )


def _folder_of(name):
    if not is_shipped(name):
        raise UserError(
            Finding(
                f"style {name}",
                "does not come with the project",
                f"These do: {', '.join(shipped()) or 'none'}",
            )
        )
    return FOLDER / name.lower()
