"""Writes the cards' part of docs/styles.md from the cards themselves: `make docs`."""

from __future__ import annotations

from pathlib import Path

from animegan_tf import styles

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "styles.md"
BEGIN, END = "<!-- cards -->\n", "<!-- end of cards -->"


def card_text(card: styles.Card) -> str:
    """A card as a section of the page."""
    pictures = f"../animegan_tf/styles/{card.name}"
    parts = [f"## {card.name}", card.summary]
    if card.attribution:
        parts.append(f"Attribution, to be kept with the weights: {card.attribution}")
    parts.append(
        "Trained on:\n\n"
        + "\n".join(f"- {part['what']} ({part['license']}; {part['source']})" for part in card.data)
    )
    parts.append(f"License of the weights: {card.license}. Training: {card.steps}")
    parts.append("```sh\n" + "\n".join(card.commands) + "\n```")
    if card.figures:
        rows = [f"| {name} | {value} |" for name, value in card.figures.items()]
        parts.append("\n".join(["| figure | value |", "| --- | --- |", *rows]))
    if card.options:
        settings = ", ".join(f"`{name}={value}`" for name, value in card.options.items())
        parts.append(f"Used with it, unless you say otherwise: {settings}.")
    parts.append("Known faults:\n\n" + "\n".join(f"- {fault}" for fault in card.faults))
    if card.pairs:
        rows = [
            f"| ![photo]({pictures}/{pair.before}) | ![result]({pictures}/{pair.after}) "
            f"| {pair.title}. {pair.credit} |"
            for pair in card.pairs
        ]
        parts.append("\n".join(["| photo | result | |", "| --- | --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


def with_cards(page: str) -> str:
    """The page with its cards written anew."""
    before, rest = page.split(BEGIN)
    cards = "\n".join(card_text(styles.card_of(name)) for name in styles.shipped())
    return before + BEGIN + cards + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(with_cards(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
