"""`python train.py` as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from data_sets import write_ghibli
from project import ROOT

TRAIN = ROOT / "train.py"
TINY = (
    "--width=8",
    "--image_size=32",
    "--batch_size=2",
    "--vgg=random",
    "--steps_per_epoch=6",
    "--init_epochs=1",
    "--epochs=2",
    "--save_every=2",
    "--sample_count=1",
    "--flip",
)


def train(folder, *arguments, **kwargs):
    return subprocess.run(
        [sys.executable, TRAIN, *arguments], cwd=folder, capture_output=True, text=True, **kwargs
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set in the authors' layout."""
    folder = tmp_path_factory.mktemp("project")
    write_ghibli(folder, photos=5, anime=4)
    return folder


def newest_weights(run_dir):
    newest = max((run_dir / "checkpoints").glob("step_*"))
    reader = tf.train.load_checkpoint(str(newest / "checkpoint"))
    return newest.name, {
        name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()
    }


@pytest.fixture(scope="module")
def whole_run(folder):
    result = train(folder, "--style=ghibli", *TINY)
    assert result.returncode == 0, result.stderr
    return folder / "runs" / "ghibli" / "1", result


def test_a_run_from_the_command_line(whole_run):
    run_dir, result = whole_run
    assert result.stderr == "", "a quiet run"
    assert json.loads((run_dir / "config.json").read_text())["vgg"] == "random"
    assert "RANDOM" in result.stdout
    for shown in (
        "5 photos",
        "4 anime pictures",
        "mean brightness",
        "device: ",
        "samples/index.html",
        "epoch 2/2: generator",
        "The losses don't say",
    ):
        assert shown in result.stdout, shown
    assert (run_dir / "generator.keras").exists() and (run_dir / "losses.png").exists()


def test_killed_at_any_moment_it_resumes_to_the_same_weights(folder, whole_run):
    run_dir = folder / "killed"
    arguments = ["--style=ghibli", *TINY, f"--run_dir={run_dir}"]
    for after_steps in (2, 8):
        process = subprocess.Popen(
            [sys.executable, TRAIN, *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        awaited = run_dir / "checkpoints" / f"step_{after_steps:08d}"
        while not awaited.exists():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        arguments = ["--resume", f"--run_dir={run_dir}"]
    result = train(folder, *arguments)
    assert result.returncode == 0, result.stderr
    assert "going on at step" in result.stdout

    name, resumed = newest_weights(run_dir)
    expected_name, expected = newest_weights(whole_run[0])
    assert name == expected_name == "step_00000018"
    assert resumed.keys() == expected.keys()
    for key in expected:
        np.testing.assert_array_equal(resumed[key], expected[key], err_msg=key)
    assert (run_dir / "metrics.csv").read_text() == (whole_run[0] / "metrics.csv").read_text()


def test_resume_refuses_another_run_in_disguise(folder, whole_run):
    result = train(folder, "--resume", "--style=ghibli", "--width=16", "--seed=3")
    assert result.returncode == 2
    assert "--width=16: the run has 8" in result.stderr
    assert "--seed=3: the run has 0" in result.stderr


def test_resume_goes_on_with_more_epochs(folder, whole_run):
    run_dir = folder / "longer"
    first = train(folder, "--style=ghibli", *TINY, "--epochs=0", f"--run_dir={run_dir}")
    assert first.returncode == 0, first.stderr
    longer = train(folder, "--resume", f"--run_dir={run_dir}", "--epochs=1")
    assert longer.returncode == 0, longer.stderr
    assert "going on at step 6 of 12" in longer.stdout
    assert json.loads((run_dir / "config.json").read_text())["epochs"] == 1


def test_everything_wrong_is_said_at_once(folder):
    result = train(folder, "--style=nobody", "--device=gpu:7", "--vgg=missing.npy")
    assert result.returncode == 2
    assert "--device=gpu:7" in result.stderr and "--vgg=missing.npy" in result.stderr
    assert "nobody" in result.stderr and "Ghibli" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "runs" / "nobody").exists()


def test_a_bad_picture_is_refused_or_skipped(folder, tmp_path):
    photos, anime = tmp_path / "photos", tmp_path / "anime"
    os.makedirs(photos), os.makedirs(anime)
    for source in (folder / "dataset" / "train_photo").iterdir():
        (photos / source.name).write_bytes(source.read_bytes())
    for source in (folder / "dataset" / "Ghibli" / "style").iterdir():
        (anime / source.name).write_bytes(source.read_bytes())
    (photos / "text.jpg").write_text("not a picture")
    content = (photos / "0.png").read_bytes()
    (anime / "cut.png").write_bytes(content[: len(content) // 2])
    own = (
        "--style=mine",
        f"--photos={photos}",
        f"--anime={anime}",
        *TINY,
        "--epochs=0",
        "--steps_per_epoch=1",
    )
    refused = train(tmp_path, *own)
    assert refused.returncode == 2
    assert "text.jpg" in refused.stderr and "cut.png" in refused.stderr
    assert "--skip_bad_images" in refused.stderr
    skipped = train(tmp_path, *own, "--skip_bad_images")
    assert skipped.returncode == 0, skipped.stderr
    assert "text.jpg" in skipped.stdout and "2 bad files left out" in skipped.stdout


def test_a_full_run_folder_is_not_overwritten(folder, whole_run):
    result = train(folder, "--style=ghibli", *TINY, f"--run_dir={whole_run[0]}")
    assert result.returncode == 2
    assert "--resume" in result.stderr


@pytest.mark.slow
def test_config_repeats_a_run(folder, whole_run):
    run_dir = folder / "repeated"
    result = train(folder, f"--config={whole_run[0] / 'config.json'}", f"--run_dir={run_dir}")
    assert result.returncode == 0, result.stderr
    for key, value in newest_weights(whole_run[0])[1].items():
        np.testing.assert_array_equal(newest_weights(run_dir)[1][key], value, err_msg=key)


@pytest.mark.slow
def test_the_demo_draws_its_own_data(tmp_path):
    result = train(tmp_path, "--style=demo", *TINY, "--epochs=1", "--steps_per_epoch=2")
    assert result.returncode == 0, result.stderr
    assert "96 photos, 96 anime pictures" in result.stdout
    assert (tmp_path / "demo" / "data" / "Demo" / "style").is_dir()
