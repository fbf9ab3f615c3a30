"""The house is built as the package's docstring says: wings import downward, doors open fast."""

import ast
import functools
import importlib
import re
import subprocess
import sys

import pytest
from project import ROOT

import animegan_tf
from animegan_tf.cli.main import VERBS

PACKAGE = ROOT / "animegan_tf"
FLOORS = (
    {"styles"},
    {"networks"},
    {"data"},
    {"evaluation"},
    {"training", "styling", "exporting"},
    {"cli"},
)
"""The wings above the ground floor. Those of one floor do not import one another."""
FLOOR_OF = {wing: floor for floor, wings in enumerate(FLOORS, start=1) for wing in wings}
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
PUBLIC = ("Stylizer", "build_generator", "build_discriminator", "build_vgg19", "import_generator")


def wing_of(module):
    """The part of a module's name that says its wing, or its place on the ground floor."""
    return module.split(".")[1]


@functools.cache
def imported_by(module):
    """The project's modules that a module imports, within functions too."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: write the whole name of {node.module}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return {name for name in found if name.split(".")[0] == "animegan_tf"}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"animegan_tf", "animegan_tf.__main__"}))
def test_a_module_imports_from_its_own_wing_and_from_lower_floors(module):
    wing = wing_of(module)
    for other in imported_by(module):
        assert other != "animegan_tf", f"{module} imports the package itself, not a module of it"
        below = FLOOR_OF.get(wing_of(other), 0) < FLOOR_OF.get(wing, 0)
        on_the_ground = wing not in FLOOR_OF and wing_of(other) not in FLOOR_OF
        assert below or on_the_ground or wing_of(other) == wing, f"{module} imports {other}"


def test_every_wing_has_a_floor_and_is_on_the_map():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert set(FLOOR_OF) <= folders
    for name in {wing_of(module) for module in MODULES if "." in module} - {"__main__"}:
        assert re.search(rf"\b{name}\b", animegan_tf.__doc__), f"the map does not show {name}"


@pytest.mark.parametrize("wing", sorted(FLOOR_OF))
def test_every_module_is_named_where_its_wing_is_explained(wing):
    text = importlib.import_module(f"animegan_tf.{wing}").__doc__
    assert text and text.strip(), f"{wing} has no docstring"
    for path in (PACKAGE / wing).rglob("*.py"):
        verb = re.sub(r"_(flags|command)$", "", path.stem)
        if path.stem != "__init__" and not (wing == "cli" and verb in VERBS):
            explained = text
            if path.parent != PACKAGE / wing:  # A room within the wing explains its own modules.
                room = f"animegan_tf.{wing}.{path.parent.name}"
                explained += importlib.import_module(room).__doc__ or ""
            assert re.search(rf"\b{path.stem}\b", explained), f"{wing} does not name {path.stem}"


def test_every_verb_has_its_two_modules():
    for verb in VERBS:
        for part in ("flags", "command"):
            assert f"animegan_tf.cli.{verb}_{part}" in MODULES


def test_the_package_and_all_flags_load_without_tensorflow():
    script = (
        "import importlib, sys, animegan_tf, animegan_tf.cli.main as main\n"
        "for verb in main.VERBS: importlib.import_module(f'animegan_tf.cli.{verb}_flags')\n"
        "assert main.main(['animegan', 'infer', '--halp']) == 2\n"
        "assert main.main(['animegan', 'train', '--help']) == 0\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True)


def test_the_public_names_are_what_they_say():
    for name in PUBLIC:
        assert name in animegan_tf.__all__
        assert callable(getattr(animegan_tf, name)) and getattr(animegan_tf, name).__doc__
    assert animegan_tf.layers.__name__ == "animegan_tf.networks.layers"
    assert animegan_tf.losses.__name__ == "animegan_tf.networks.losses"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = animegan_tf.nothing
