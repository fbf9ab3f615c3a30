"""Writes the flag tables of README.md from the scripts' own help: `make readme`."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ("train.py", "infer.py", "export.py")


def flag_table(script: str) -> str:
    """A Markdown table of a script's own flags: name, default, meaning."""
    help_xml = subprocess.run([sys.executable, ROOT / script, "--helpxml"], cwd=ROOT,
                              capture_output=True, text=True).stdout
    rows = ["| flag | default | meaning |", "| --- | --- | --- |"]
    for flag in ElementTree.fromstring(help_xml).iter("flag"):
        if flag.findtext("key") == "yes":
            default = flag.findtext("default") or ""
            values = [value.text for value in flag.iter("enum_value")]
            meaning = " ".join((flag.findtext("meaning") or "").split()).replace("|", "\\|")
            meaning = meaning.split(">: ", 1)[-1] if values else meaning
            choices = f" ({', '.join(values)})" if values else ""
            rows.append(f"| `--{flag.findtext('name')}` | {f'`{default}`' if default else ''} | "
                        f"{meaning}{choices} |")
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
