"""The command line of infer."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from project import ROOT

from animegan_tf import images
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.styling.stylizer import Stylizer

INFER = ROOT / "infer.py"


@pytest.fixture(scope="module")
def work(tmp_path_factory, generator_file):
    """A folder with two runs of a style, of which the second isn't finished, and three photos."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "runs/demo/9").mkdir(parents=True)
    (folder / "runs/demo/10").mkdir()
    (folder / "runs/demo/11/checkpoints").mkdir(parents=True)
    save_generator(build_generator(4), folder / "runs/demo/9/generator.keras")
    shutil.copy(generator_file, folder / "runs/demo/10/generator.keras")
    rng = np.random.default_rng(0)
    (folder / "photos/sub").mkdir(parents=True)
    for name in ("a.png", "sub/b.png"):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(folder / "photos" / name)
    (folder / "photos/text.jpg").write_text("not a picture")
    return folder


@pytest.fixture
def infer(command, work):
    """Runs infer in the folder `work`."""
    return lambda *arguments, **options: command("infer", *arguments, folder=work, **options)


def test_newest_finished_run_of_a_style_on_a_folder(infer, work):
    done = infer("--style=Demo", "photos", "--output", "out", "--tile=64", "--batch_size=2")
    assert done.status == 1, done.stderr
    assert "runs/demo/10" in done.stderr
    assert "2 of 3 pictures done" in done.stderr
    assert "failed: photos/text.jpg: not a picture in a known format" in done.stderr
    assert not done.stdout
    stylizer = Stylizer.load(work / "runs/demo/10")
    for name in ("a.png", "sub/b.png"):
        difference = images.read_rgb(work / "out" / name).astype(int) - stylizer(
            images.read_rgb(work / "photos" / name)
        )
        assert np.abs(difference).mean() < 1


def test_two_shards_make_one_result_tree(infer, work):
    for shard, count in (("1/2", 2), ("2/2", 1)):
        arguments = ("--output=shared", "--memory_limit=2", f"--shard={shard}")
        done = infer("--model=runs/demo/10", "photos", *arguments)
        assert f"of {count} pictures done" in done.stderr
    assert {str(p.relative_to(work / "shared")) for p in (work / "shared").rglob("*.png")} == {
        "a.png",
        "sub/b.png",
    }


def test_resume_leaves_results_as_they_are_and_makes_the_others(infer, work):
    (work / "half").mkdir()
    (work / "half" / "a.png").write_bytes(b"a result")
    arguments = ("--model=runs/demo/10", "photos", "--output=half", "--memory_limit=2", "--resume")
    done = infer(*arguments)
    assert "1 of 3 results exist" in done.stderr
    assert (work / "half" / "a.png").read_bytes() == b"a result"
    assert (
        images.read_rgb(work / "half" / "sub" / "b.png").shape
        == images.read_rgb(work / "photos" / "sub" / "b.png").shape
    )
    refused = infer(*arguments, "--overwrite")
    assert refused.status == 2 and "--resume, --overwrite" in refused.stderr


def test_standard_streams(infer, work):
    done = infer(
        "--model=runs/demo/10",
        "-",
        "--format=png",
        "--max_side=20",
        "--memory_limit=2",
        stdin=(work / "photos/a.png").read_bytes(),
    )
    assert done.status == 0, done.stderr
    assert images.read_rgb(done.stdout_bytes).shape == (16, 20, 3)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_standard_output_that_is_full_is_an_error(work):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, INFER, "--model=runs/demo/10", "photos/a.png", "--output=-"],
            cwd=work,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 1
    assert "photos/a.png: the result can't be written (No space left" in done.stderr.decode()


def test_everything_wrong_is_said_at_once_before_work(infer):
    done = infer("--style=hayao", "none.jpg", "--device=tpu")
    assert done.status == 2
    errors = done.stderr.splitlines()
    assert len(errors) == 3
    for part, line in zip(
        ["unknown device", "no finished run under runs/hayao", "none.jpg: no such file"], errors
    ):
        assert line.startswith("error: ") and part in line


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--model=runs/demo/10", "--style=demo", "photos"], "exactly one of them is needed"),
        (["--model=runs/demo/10", "photos", "--tile=50"], "multiple of 4 from 64, not 50"),
        (["--model=runs/demo/10", "photos", "--strength=2"], "strength"),
        (["--model=runs/demo/10", "photos", "--shard=17/16"], "is not a part of the whole"),
        (["--model=runs/demo/11", "photos"], "found checkpoints"),
    ],
)
def test_wrong_flags(infer, arguments, message):
    done = infer(*arguments)
    assert done.status == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
