"""The command line of infer.py."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from project import ROOT

from animegan_tf import images
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.styling.stylizer import Stylizer

INFER = ROOT / "infer.py"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder with two runs of a style, of which the second isn't finished, and three photos."""
    folder = tmp_path_factory.mktemp("work")
    tf.keras.utils.set_random_seed(5)
    (folder / "runs/demo/9").mkdir(parents=True)
    (folder / "runs/demo/10").mkdir()
    (folder / "runs/demo/11/checkpoints").mkdir(parents=True)
    save_generator(build_generator(4), folder / "runs/demo/9/generator.keras")
    save_generator(build_generator(8), folder / "runs/demo/10/generator.keras")
    rng = np.random.default_rng(0)
    (folder / "photos/sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(folder / "photos" / name)
    (folder / "photos/text.jpg").write_text("not a picture")
    return folder


def infer(work, *arguments, stdin=b"", stdout=subprocess.PIPE):
    return subprocess.run(
        [sys.executable, str(INFER), *arguments],
        cwd=work,
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def test_newest_finished_run_of_a_style_on_a_folder(work):
    done = infer(work, "--style=Demo", "photos", "--output", "out", "--tile=64", "--batch_size=2")
    errors = done.stderr.decode()
    assert done.returncode == 1, errors
    assert "runs/demo/10" in errors
    assert "2 of 3 pictures done" in errors
    assert "failed: photos/text.jpg: not a picture in a known format" in errors
    assert not done.stdout
    stylizer = Stylizer.load(work / "runs/demo/10")
    for name in ("a.png", "sub/b.png"):
        difference = images.read_rgb(work / "out" / name).astype(int) - stylizer(
            images.read_rgb(work / "photos" / name)
        )
        assert np.abs(difference).mean() < 1


def test_two_shards_make_one_result_tree(work):
    for shard, count in (("1/2", 2), ("2/2", 1)):
        done = infer(
            work,
            "--model=runs/demo/10",
            "photos",
            "--output=shared",
            "--memory_limit=2",
            f"--shard={shard}",
        )
        assert f"of {count} pictures done" in done.stderr.decode()
    assert {str(p.relative_to(work / "shared")) for p in (work / "shared").rglob("*.png")} == {
        "a.png",
        "sub/b.png",
    }


def test_resume_leaves_results_as_they_are_and_makes_the_others(work):
    (work / "half").mkdir()
    (work / "half" / "a.png").write_bytes(b"a result")
    arguments = ("--model=runs/demo/10", "photos", "--output=half", "--memory_limit=2", "--resume")
    done = infer(work, *arguments)
    assert "1 of 3 results exist" in done.stderr.decode()
    assert (work / "half" / "a.png").read_bytes() == b"a result"
    assert (
        images.read_rgb(work / "half" / "sub" / "b.png").shape
        == images.read_rgb(work / "photos" / "sub" / "b.png").shape
    )
    refused = infer(work, *arguments, "--overwrite")
    assert refused.returncode == 2 and b"--resume, --overwrite" in refused.stderr


def test_standard_streams(work):
    done = infer(
        work,
        "--model=runs/demo/10",
        "-",
        "--format=png",
        "--max_side=20",
        "--memory_limit=2",
        stdin=(work / "photos/a.png").read_bytes(),
    )
    assert done.returncode == 0, done.stderr.decode()
    assert images.read_rgb(done.stdout).shape == (16, 20, 3)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_standard_output_that_is_full_is_an_error(work):
    with open("/dev/full", "wb") as full:
        done = infer(work, "--model=runs/demo/10", "photos/a.png", "--output=-", stdout=full)
    assert done.returncode == 1
    assert "photos/a.png: the result can't be written (No space left" in done.stderr.decode()


def test_everything_wrong_is_said_at_once_before_work(work):
    done = infer(work, "--style=hayao", "none.jpg", "--device=tpu")
    assert done.returncode == 2
    errors = done.stderr.decode().splitlines()
    assert len(errors) == 3
    for part, line in zip(
        ["unknown device", "no run under runs/hayao", "none.jpg: no such file"], errors
    ):
        assert line.startswith("error: ") and part in line


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["photos"], "exactly one of them is needed"),
        (["--model=runs/demo/10", "photos", "--tile=50"], "multiple of 4 from 64, not 50"),
        (["--model=runs/demo/10", "photos", "--strength=2"], "strength"),
        (["--model=runs/demo/10", "photos", "--shard=17/16"], "is not a part of the whole"),
        (["--model=runs/demo/11", "photos"], "found checkpoints"),
    ],
)
def test_wrong_flags(work, arguments, message):
    done = infer(work, *arguments)
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
