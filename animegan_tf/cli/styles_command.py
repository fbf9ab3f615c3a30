"""The work of `animegan styles`; its flags are in `styles_flags`."""

from __future__ import annotations

import os
from pathlib import Path

from animegan_tf import styles
from animegan_tf.cli.styles_flags import FLAGS
from animegan_tf.errors import Finding, UserError
from animegan_tf.evaluation.page import Section, Shown, embedded, write_page


def main(arguments: list[str]) -> None:
    """Prints what the cards say, or writes it to a page."""
    names = styles.shipped()
    if not names:
        raise UserError(
            Finding("animegan styles", "no style comes with this copy", "Train one: animegan train")
        )
    if FLAGS.output is None:
        print("\n\n".join(as_text(styles.card_of(name)) for name in names))
        return
    output = Path(FLAGS.output)
    check_output(output)
    write_page(
        output,
        "The styles that come with AnimeGAN in TensorFlow 2",
        [as_section(styles.card_of(name)) for name in names],
    )
    print(f"The page is {output}")


def check_output(output):
    """Raises a `UserError` for a page that can't be written, or would replace another file."""
    findings = []
    if output.suffix.lower() not in (".html", ".htm"):
        findings.append(Finding(f"--output={output}", "not a page", "End its name in .html"))
    if not output.parent.is_dir():
        findings.append(Finding(f"--output={output}", "its folder does not exist", "Make it"))
    elif not os.access(output.parent, os.W_OK | os.X_OK):
        findings.append(Finding(f"--output={output}", "can't be written there", "Name another"))
    if output.exists() and not FLAGS.overwrite:
        findings.append(
            Finding(f"--output={output}", "exists", "Give another name, or --overwrite")
        )
    if findings:
        raise UserError(findings)


def facts(card):
    """(what, value) pairs of a card, both to be shown."""
    folder = styles.path_of(card.name).parent
    yield "folder", str(folder)
    for file in sorted(folder.glob("*.keras")):
        yield file.name, f"{file.stat().st_size / 1e6:.1f} MB"
    yield "license", card.license
    if card.attribution:
        yield "attribution", card.attribution
    yield "trained on", "; ".join(f"{part['what']} ({part['license']})" for part in card.data)
    yield "steps", card.steps
    yield from card.figures.items()
    yield "known faults", "; ".join(card.faults)


def as_text(card):
    """A card for a terminal."""
    lines = [f"{card.name}: {card.summary}"]
    return "\n".join(lines + [f"  {what}: {value}" for what, value in facts(card)])


def as_section(card):
    """A card as part of a page, its pictures within it."""
    folder = styles.path_of(card.name).parent

    def address(name):
        return embedded((folder / name).read_bytes())

    return Section(
        card.name,
        [card.summary],
        [("", ""), *((what, str(value)) for what, value in facts(card))],
        [
            Shown(address(pair.before), address(pair.after), pair.title, pair.credit)
            for pair in card.pairs
        ],
    )
