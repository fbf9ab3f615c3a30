"""What pip installs: `setup.cfg`, and `requirements.txt` for a clone."""

import configparser
import importlib
import re

from project import ROOT

SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def requirements(text):
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return {line for line in lines if line}


def test_a_clone_installs_what_the_package_and_its_tests_need():
    needed = requirements(SETUP["options"]["install_requires"])
    needed |= requirements(SETUP["options.extras_require"]["test"])
    assert requirements((ROOT / "requirements.txt").read_text(encoding="utf-8")) == needed


def test_users_do_not_install_what_only_tests_need():
    runtime = SETUP["options"]["install_requires"]
    assert "pytest" not in runtime and "hypothesis" not in runtime and "addons" not in runtime


def test_the_command_is_where_the_package_says():
    script = SETUP["options.entry_points"]["console_scripts"].strip()
    module, function = re.fullmatch(r"animegan = ([\w.]+):(\w+)", script).groups()
    assert callable(getattr(importlib.import_module(module), function))


def test_types_and_styles_go_with_the_package():
    assert (ROOT / "animegan_tf" / "py.typed").is_file()
    data = SETUP["options.package_data"]
    assert data["animegan_tf"] == "py.typed" and data["animegan_tf.styles"] == "**/*"


def test_the_scripts_of_a_clone_are_the_commands_verbs():
    for verb in ("train", "infer", "export"):
        text = (ROOT / f"{verb}.py").read_text(encoding="utf-8")
        code = [line for line in text.splitlines() if line and not line.startswith(("#", '"""'))]
        assert code[-1] == f'sys.exit(run_verb("{verb}", sys.argv))' and len(code) == 3
