"""The README and the pages of docs/ say what the code does."""

import ast
import importlib
import json
import re
import shlex

import pytest
from flag_tables import PAGE, flags_page
from project import ROOT

from animegan_tf.cli.main import VERBS

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks" / "README.md"]
)
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
OF_OTHER_PROGRAMS = {"logdir", "no-deps", "rm", "name", "gpus", "help", "version", "local"}
"""Flags in the text that belong to pip, docker, or tensorboard, or to every verb."""


def flags_of_verb(verb):
    return set(importlib.import_module(f"animegan_tf.cli.{verb}_flags").FLAGS)


def flags_of_script(path):
    """The flags that a script defines with absl or argparse."""
    return set(
        re.findall(r'(?:DEFINE_\w+|add_argument)\(\s*"(?:--)?([\w-]+)"', path.read_text("utf-8"))
    )


def flags_in(text):
    return {name.removesuffix("-") for name in re.findall(r"(?<![\w-])--([a-z][\w-]*)", text)}


def code_of(text):
    """What stands in fences, continued lines joined, and between backticks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return lines + re.findall(r"`([^`]+)`", prose)


def commands_in(text):
    """(what is started, its arguments) for every command of the project in a text."""
    for line in code_of(text):
        for command in re.split(r"\s#|;|\||&&| do ", line):
            started = re.match(
                r"\s*(?:\$ )?(?:python3? -m animegan_tf|animegan|python3?) ([\w./]+)(.*)", command
            )
            if started and started[1] not in ("-c", "VERB", "-m"):
                yield started[1], started[2]


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_exists_with_its_flags(page):
    for started, arguments in commands_in(TEXTS[page]):
        verb = started.removesuffix(".py")
        if verb in VERBS and "/" not in started:
            assert not started.endswith(".py") or (ROOT / started).is_file(), started
            known = flags_of_verb(verb)
        else:
            assert (ROOT / started).is_file(), f"{page}: {started} {arguments}"
            known = flags_of_script(ROOT / started)
        for flag in flags_in(arguments):
            assert {flag, flag.removeprefix("no")} & known, f"{page}: {started} has no --{flag}"


@pytest.mark.parametrize("page", TEXTS)
def test_every_flag_that_the_text_names_exists(page):
    known = set().union(*map(flags_of_verb, VERBS), OF_OTHER_PROGRAMS)
    for folder in ("benchmarks", "examples", "tools", "tools/pairs"):
        for script in (ROOT / folder).glob("*.py"):
            known |= flags_of_script(script)
    for flag in flags_in(TEXTS[page]):
        assert {flag, flag.removeprefix("no")} & known, f"{page}: --{flag}"


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_leads_somewhere(page):
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", TEXTS[page]):
        target = "".join(target)
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (folder / path).resolve() if path else ROOT / page
        assert file.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings}
            assert anchor in slugs, f"{page}: {target}"


@pytest.mark.parametrize("page", TEXTS)
def test_every_file_that_the_text_names_exists(page):
    names = r"(?:python3? |`)((?:(?:benchmarks|docs|examples|tools|tests|notebooks)/)[\w/.-]+\.\w+)"
    for name in re.findall(names, TEXTS[page]):
        made = name == "benchmarks/results-gpu.md"  # By its script, on a machine with a GPU.
        assert made or (ROOT / name).exists(), f"{page}: {name}"


@pytest.mark.parametrize("page", TEXTS)
def test_every_make_target_and_every_extra_exists(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([\w-]+)", TEXTS[page], re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page}: make {target}"
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for extras in re.findall(r"(?:animegan-tf|\.)\[([\w,]+)\]", TEXTS[page]):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} =", setup, re.MULTILINE), f"{page}: [{extra}]"


@pytest.mark.parametrize("page", TEXTS)
def test_python_in_the_text_imports_what_exists(page):
    for block in re.findall(r"^```python\n(.*?)^```", TEXTS[page], re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("animegan_tf"):
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{page}: {node.module}.{alias.name}"


def test_the_flags_page_is_the_codes():
    assert PAGE.read_text(encoding="utf-8") == flags_page(), "run: make docs"


def test_the_readme_is_a_door():
    assert len(TEXTS["README.md"].splitlines()) <= 160
    assert "<this repository>" not in TEXTS["README.md"]


def test_the_notebook_has_no_outputs_and_its_code_can_be_read():
    notebook = json.loads((ROOT / "notebooks" / "animegan.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None
            ast.parse("".join(cell["source"]))


def test_every_page_is_in_the_index():
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name}" in TEXTS["docs/README.md"], page


def test_shell_commands_can_be_read_by_a_shell():
    for page, text in TEXTS.items():
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            assert shlex.split(block, comments=True), page


def test_every_test_that_the_text_names_exists():
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    for page, text in TEXTS.items():
        for name in re.findall(r"`(test_\w+)`", text):
            assert f"def {name}(" in code, f"{page}: {name}"
