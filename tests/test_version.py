from project import ROOT

from animegan_tf import version


def test_messages_name_the_scripts_of_a_clone():
    assert version.command_name("infer") == "python infer.py"
    assert (ROOT / "infer.py").is_file()
    assert version.command_name("table1") == "python -m animegan_tf table1"


def test_messages_name_the_command_that_pip_installs(tmp_path, monkeypatch):
    monkeypatch.setattr(version, "_PROJECT", tmp_path)  # A site-packages without the sources.
    assert version.command_name("infer") == "animegan infer"
