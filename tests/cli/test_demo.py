"""`animegan demo`: styled photos and a training on one page."""

import re

import numpy as np
import pytest

from animegan_tf import images
from animegan_tf.cli import demo_command
from animegan_tf.runs import locked


@pytest.fixture
def small(monkeypatch, generator_file):
    """Small photos, and one style that comes with the project."""
    monkeypatch.setattr(demo_command, "HEIGHT", 64)
    monkeypatch.setattr(demo_command, "WIDTH", 80)
    monkeypatch.setattr(demo_command, "shipped", lambda: ["tiny"])
    monkeypatch.setattr(demo_command, "path_of", lambda name: generator_file)


def shown(page):
    """The pictures and pages that a page refers to."""
    return [page.parent / name for name in re.findall(r'(?:src|href)="([^"]+)"', page.read_text())]


def test_the_page_shows_each_photo_before_and_after(small, command, tmp_path):
    done = command("demo", "--folder=show", "--seconds=0", folder=tmp_path)
    assert done.status == 0, done.stderr
    page = tmp_path / "show" / "index.html"
    assert done.stdout.splitlines()[-1].endswith(str(page))
    pictures = shown(page)
    assert len(pictures) == 2 * 5 and all(path.is_file() for path in pictures)
    for before, after in zip(pictures[::2], pictures[1::2]):
        before, after = images.read_rgb(before), images.read_rgb(after)
        assert before.shape == after.shape and np.abs(before.astype(int) - after).mean() > 1
    assert "python infer.py photo.jpg" in page.read_text()
    assert done.stderr == ""


def test_a_training_that_was_made_is_shown(small, command, tmp_path):
    samples = tmp_path / "demo" / "run" / "samples"
    samples.mkdir(parents=True)
    for path in (samples / "index.html", samples / "progress.gif", samples.parent / "losses.png"):
        path.write_text("")
    assert command("demo", "--seconds=0", folder=tmp_path).status == 0
    assert {path.name for path in shown(tmp_path / "demo" / "index.html")} >= {
        "index.html",
        "progress.gif",
        "losses.png",
    }


def test_two_processes_do_not_make_one_demo(command, tmp_path):
    with locked(tmp_path):
        done = command("demo", f"--folder={tmp_path}")
    assert done.status == 2 and list(tmp_path.iterdir()) == []
    assert "another process is making the demo in this folder" in done.stderr


def test_a_folder_that_is_a_file_is_refused(command, tmp_path):
    (tmp_path / "demo").write_text("mine")
    done = command("demo", folder=tmp_path)
    assert done.status == 2 and "--folder=demo" in done.stderr
    assert (tmp_path / "demo").read_text() == "mine"


@pytest.mark.slow
def test_the_training_ends_in_time_and_does_not_warn_of_itself(small, command, tmp_path):
    done = command("demo", "--seconds=25", folder=tmp_path)
    assert done.status == 0, done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    assert (tmp_path / "demo" / "run" / "config.json").is_file()
