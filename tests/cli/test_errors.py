import io
import os
import subprocess
import sys

import pytest

from animegan_tf.cli import command
from animegan_tf.errors import Finding, UserError, check_all, printable

SCRIPT = """
import sys
from absl import flags
from animegan_tf.cli.command import new_flags, run
from animegan_tf.errors import Finding, UserError
FLAGS = new_flags()
flags.DEFINE_integer("number", 1, "a number", flag_values=FLAGS)
def main(_):
    if FLAGS.number == 2:
        raise UserError([Finding("a.png", "is truncated", "Delete it"),
                         Finding("b.png", "is flat", "Replace it")])
    if FLAGS.number == 3:
        raise RuntimeError("a bug")
sys.exit(run(main, FLAGS, sys.argv, usage=""))
"""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True
    )


def test_all_findings_are_shown_with_exit_status_2():
    result = run("--number=2")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "error: a.png: is truncated. Delete it",
        "error: b.png: is flat. Replace it",
    ]


@pytest.mark.parametrize(
    "argument, shown",
    [("--number=two", "number"), ("--nmber=2", "nmber"), ("picture.jpg", "not a flag")],
)
def test_wrong_flags_are_user_errors(argument, shown):
    result = run(argument)
    assert result.returncode == 2
    assert shown in result.stderr and "Traceback" not in result.stderr


def test_a_start_without_errors_says_nothing():
    result = run()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_bug_keeps_its_traceback():
    result = run("--number=3")
    assert result.returncode == 1
    assert "RuntimeError: a bug" in result.stderr


def test_check_all_collects():
    def fail(name):
        raise UserError(Finding(name, "wrong", "Mend it"))

    assert check_all(lambda: 1, lambda: 2) == [1, 2]
    with pytest.raises(UserError) as caught:
        check_all(lambda: 1, lambda: fail("a"), lambda: fail("b"))
    assert [finding.where for finding in caught.value.findings] == ["a", "b"]


def test_names_that_could_mislead_are_printed_escaped():
    names = ["two\nlines.png", "\x1b[31mred.png", "turned\u202egnp.exe", b"caf\xe9.png"]
    assert [printable(os.fsdecode(name)) for name in names] == [
        "two\\nlines.png",
        "\\x1b[31mred.png",
        "turned\\u202egnp.exe",
        "caf\\xe9.png",
    ]
    assert printable("花見, o'hara.png") == "花見, o'hara.png"
    finding = Finding("a\nb.png", "would be the result of c\rd.png", "Rename it")
    assert str(finding) == "a\\nb.png: would be the result of c\\rd.png. Rename it"


def test_names_that_the_terminal_cannot_show_are_printed_escaped(monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    assert command.run(lambda _: print("é \udcff 写"), command.new_flags(), ["x"], usage="") == 0
    stdout.flush()
    assert stdout.buffer.getvalue() == rb"\xe9 \udcff \u5199" + b"\n"
