"""The `animegan` command itself: help, version, verbs, and how flags are answered."""

import pytest

from animegan_tf.cli.main import VERBS, main
from animegan_tf.version import __version__


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_every_verb(arguments, capsys):
    assert main(["animegan", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    for verb, meaning in VERBS.items():
        assert any(line.split() == [verb, *meaning.split()] for line in lines), verb


def test_the_version_is_shown(capsys):
    assert main(["animegan", "--version"]) == 0
    assert capsys.readouterr().out == f"animegan-tf {__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_verb_explains_its_flags(verb, flag, capsys):
    assert main(["animegan", verb, flag]) == 0
    out = capsys.readouterr().out
    assert "Flags:" in out and "--[no]help" in out


def test_an_unknown_verb_is_refused_with_those_there_are(capsys):
    assert main(["animegan", "stylise"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: stylise: is not a verb") and "infer" in error


@pytest.mark.parametrize("verb", VERBS)
def test_a_misspelled_flag_is_refused(verb, capsys):
    assert main(["animegan", verb, "--halp"]) == 2
    error = capsys.readouterr().err
    assert "halp" in error and "--help" in error
