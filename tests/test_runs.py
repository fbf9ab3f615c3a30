import fcntl
import os
import shutil
import subprocess
import sys

import pytest

from animegan_tf.devices import processor_name, select_device
from animegan_tf.errors import UserError
from animegan_tf.runs import (
    LOCK,
    check_folder,
    check_name,
    locked,
    new_run_dir,
    newest_run,
    runs_of,
)


@pytest.fixture(autouse=True)
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_runs_are_numbered_as_numbers():
    for _ in range(11):
        new_run_dir("Hayao")
    (runs_of("hayao")[0].parent / "edges").mkdir()
    assert [path.name for path in runs_of("HAYAO")] == [str(n) for n in range(1, 12)]


def test_newest_run_that_has_something():
    first, second = new_run_dir("hayao"), new_run_dir("hayao")
    (first / "generator.keras").write_text("")
    assert newest_run("hayao", "generator.keras", "") == first
    (second / "generator.keras").write_text("")
    assert newest_run("hayao", "generator.keras", "") == second
    with pytest.raises(UserError, match="Train it first"):
        newest_run("shinkai", "generator.keras", "Train it first")


def test_devices():
    assert select_device("cpu") == "CPU"
    with pytest.raises(UserError, match="unknown device"):
        select_device("tpu")
    with pytest.raises(UserError, match="TensorFlow sees"):
        select_device("gpu:99")


def test_the_processor_has_a_name():
    assert processor_name()


def test_the_demo_is_found_where_make_demo_trains_it(tmp_path):
    made = tmp_path / "demo" / "run"
    made.mkdir(parents=True)
    (made / "generator.keras").write_text("")
    assert newest_run("demo", "generator.keras", "").resolve() == made
    own = new_run_dir("demo")
    (own / "generator.keras").write_text("")
    os.utime(own, (2e9, 2e9))
    assert newest_run("Demo", "generator.keras", "") == own
    assert new_run_dir("demo").name == "2"
    os.utime(made, (3e9, 3e9))
    assert newest_run("demo", "generator.keras", "").resolve() == made


@pytest.mark.parametrize("name", ["a b", "../up", "", ".hidden", "-dash", "style/x", "千と千尋"])
def test_names_that_an_export_could_not_have_are_refused(name):
    with pytest.raises(UserError, match="can't be called so"):
        check_name("--style", name)


def test_names_that_are_right():
    for name in ("hayao", "Hayao_2.0-final", "2"):
        check_name("--style", name)


def test_a_folder_below_a_file_is_a_finding(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "run" / "1"):
        with pytest.raises(UserError, match="is a file, not a folder"):
            check_folder("--run_dir", folder)
    check_folder("--run_dir", tmp_path / "new" / "1")
    assert not (tmp_path / "new").exists()


def test_a_read_only_folder_is_a_finding(tmp_path, monkeypatch):
    # As root every folder is writable, so what the system says is stood in for.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="nothing may be written to"):
        check_folder("--run_dir", tmp_path / "run")


def test_a_locked_run_refuses_a_second_process(tmp_path):
    with locked(tmp_path), pytest.raises(UserError, match="another process is"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_a_lock_leaves_nothing_behind(tmp_path):
    with locked(tmp_path):
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        shutil.rmtree(tmp_path)


def test_a_lock_whose_file_was_removed_is_taken_anew(tmp_path, monkeypatch):
    """Another process has opened the file, and its owner removes it before that one has it."""
    flock, calls = fcntl.flock, []

    def removed_first(file, operation):
        calls.append(1)
        if len(calls) == 1:
            (tmp_path / LOCK).unlink()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", removed_first)
    with locked(tmp_path):
        assert len(calls) == 2
        with pytest.raises(UserError), locked(tmp_path):
            pass


def test_a_lock_dies_with_its_owner(tmp_path):
    code = (
        "import sys, pathlib, os\n"
        "from animegan_tf.runs import locked\n"
        "with locked(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
    ) as owner:
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="another process"), locked(tmp_path):
            pass
        owner.kill()
        owner.wait()
    with locked(tmp_path):
        pass
