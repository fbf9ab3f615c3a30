"""What the system refuses in the middle of any command ends in one line, with what is intact."""

import errno
import os
import shlex
import subprocess
import sys

import pytest
import tensorflow as tf

from animegan_tf.cli import main
from animegan_tf.cli.command import new_flags, run

FULL = os.strerror(errno.ENOSPC)


def fails_with(error, capsys):
    def main(arguments):
        raise error

    status = run(main, new_flags(), ["x"], usage="", when_interrupted="All is intact.")
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    "error, line",
    [
        (OSError(errno.ENOSPC, FULL, "a\nb.png"), f"error: a\\nb.png: {FULL}. All is intact.\n"),
        (OSError(errno.ENOSPC, FULL), f"error: the disk: {FULL}. All is intact.\n"),
        (PermissionError(errno.EACCES, "Permission denied", b"a", None, "b"), "error: b: Permi"),
        (MemoryError(), "error: memory: there is not enough of it. All is intact.\n"),
        (
            tf.errors.ResourceExhaustedError(None, None, f"x/variables; {FULL}"),
            f"error: TensorFlow: a file can't be written ({FULL}). All is intact.\n",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
            "error: memory: there is not enough of it",
        ),
    ],
)
def test_it_is_one_line(error, line, capsys):
    status, written = fails_with(error, capsys)
    assert status == 1
    assert written.startswith(line) and len(written.splitlines()) == 1


@pytest.mark.parametrize(
    "bug", [OSError("no number"), tf.errors.InvalidArgumentError(None, None, "shapes"), KeyError(1)]
)
def test_a_bug_is_not_hidden(bug, capsys):
    with pytest.raises(type(bug)):
        fails_with(bug, capsys)


def test_a_reader_that_has_gone_is_noticed_before_the_end(monkeypatch):
    """Output waits in a buffer, and at the exit of Python it would be too late for a status."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert run(lambda _: print("a"), new_flags(), ["x"], usage="") == 1


def test_streams_that_are_closed_are_opened_onto_nothing(tmp_path):
    """Without that, the first file that a command opens would be its standard output."""
    code = (
        "import sys; from animegan_tf.cli.command import new_flags, run\n"
        "def main(_):\n"
        "    with open('mine', 'wb') as file:\n"
        "        print('a'); print('b', file=sys.stderr); sys.stderr.flush(); sys.stdin.read()\n"
        "        return file.fileno()\n"
        "sys.exit(run(main, new_flags(), ['x'], usage=''))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code]
    closed = ["sh", "-c", f"exec {shlex.join(command)} <&- >&- 2>&-"]
    assert subprocess.run(closed, cwd=tmp_path, env=environment).returncode >= 3
    assert (tmp_path / "mine").read_bytes() == b""


def test_help_into_a_pipe_that_nobody_reads_has_no_traceback(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main.main(["animegan", "--help"]) == 1
