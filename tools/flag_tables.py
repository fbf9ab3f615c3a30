"""Writes docs/flags.md from the commands' own flags: `make docs`."""

from __future__ import annotations

import importlib
from pathlib import Path

from animegan_tf.cli.main import VERBS

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "flags.md"


def flag_table(verb: str) -> str:
    """A Markdown table of a verb's own flags: name, default, meaning."""
    flag_values = importlib.import_module(f"animegan_tf.cli.{verb}_flags").FLAGS
    rows = []
    for name in sorted(set(flag_values) - {"h", "help"}):
        flag = flag_values[name]
        default = flag.default_as_str.strip("'") if flag.default not in (None, []) else ""
        meaning = " ".join(flag.help.split()).replace("|", "\\|")
        values = getattr(flag.parser, "enum_values", None)
        choices = f" ({', '.join(values)})" if values else ""
        rows.append(f"| `--{name}` | {f'`{default}`' if default else ''} | {meaning}{choices} |")
    if not rows:
        return "No flags.\n"
    return "\n".join(["| flag | default | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def flags_page() -> str:
    """The whole page, one section a verb."""
    sections = [
        f"## {verb}\n\nTo {meaning}.\n\n{flag_table(verb)}" for verb, meaning in VERBS.items()
    ]
    return (
        "# All flags\n\n"
        "Made from the code by `make docs`. `animegan VERB --help` prints the same. In a clone,\n"
        "`python train.py`, `python infer.py`, and `python export.py` are `animegan train`,\n"
        "`animegan infer`, and `animegan export`; `python -m animegan_tf VERB` works for all.\n"
        "Write `--NAME=value` or `--NAME value`. A switch is turned on by `--NAME` and off by\n"
        "`--NAME=false`.\n\n" + "\n".join(sections)
    )


if __name__ == "__main__":
    PAGE.write_text(flags_page(), encoding="utf-8")
