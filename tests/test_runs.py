import pytest

from animegan_tf.devices import select_device
from animegan_tf.errors import UserError
from animegan_tf.runs import new_run_dir, newest_run, runs_of


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
