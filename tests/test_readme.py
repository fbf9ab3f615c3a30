"""The README says what the code does."""

import re

from flag_tables import SCRIPTS, with_flag_tables
from project import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_flag_tables_are_the_codes():
    assert with_flag_tables(README) == README, "run: make readme"


def test_every_flag_that_the_text_uses_exists():
    tables = "".join(
        README.split(f"<!-- flags: {script} -->")[1].split("<!-- end")[0] for script in SCRIPTS
    )
    defined = set(re.findall(r"^\| `--(\w+)`", tables, re.MULTILINE))
    for benchmark in (ROOT / "benchmarks").glob("*.py"):
        defined |= set(re.findall(r'DEFINE_\w+\(\s*"(\w+)"', benchmark.read_text()))
    used = set(re.findall(r"(?<![\w-])--(\w+)", README))
    assert used - defined - {"nocrop", "logdir"} == set()


def test_every_file_that_the_text_names_exists():
    for name in re.findall(
        r"(?:python|`)\s?((?:benchmarks|examples|tools)/\w+\.py|\w+\.py)", README
    ):
        assert (ROOT / name).exists(), name
