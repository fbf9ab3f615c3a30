"""Writes the flag tables of README.md from the commands' own flags: `make readme`."""

from __future__ import annotations

import importlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ("train.py", "infer.py", "export.py")


def flag_table(script: str) -> str:
    """A Markdown table of a script's own flags: name, default, meaning."""
    verb = script.removesuffix(".py")
    flag_values = importlib.import_module(f"animegan_tf.cli.{verb}_flags").FLAGS
    rows = ["| flag | default | meaning |", "| --- | --- | --- |"]
    for name in sorted(set(flag_values) - {"h", "help"}):
        flag = flag_values[name]
        default = flag.default_as_str.strip("'") if flag.default is not None else ""
        meaning = " ".join(flag.help.split()).replace("|", "\\|")
        values = getattr(flag.parser, "enum_values", None)
        choices = f" ({', '.join(values)})" if values else ""
        rows.append(f"| `--{name}` | {f'`{default}`' if default else ''} | {meaning}{choices} |")
    return "\n".join(rows)


def with_flag_tables(readme: str) -> str:
    """The README with each `<!-- flags: script -->` block filled anew."""
    for script in SCRIPTS:
        begin, end = f"<!-- flags: {script} -->", f"<!-- end of flags: {script} -->"
        before, rest = readme.split(begin)
        readme = before + begin + "\n" + flag_table(script) + "\n" + end + rest.split(end)[1]
    return readme


if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(with_flag_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
