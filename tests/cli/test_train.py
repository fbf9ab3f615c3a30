"""`python train.py` as a user runs it."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from data_sets import write_ghibli
from drawn_films import DrawnFilm, Part
from project import ROOT

from animegan_tf.images import read_rgb
from animegan_tf.runs import locked

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
def train(command, kept_states):
    """Runs `train.py` in a folder, in this process."""
    tf.config.list_physical_devices()  # A process holds back what this prints; here it is early.

    def run(folder, *arguments):
        tf.keras.backend.clear_session()  # Keras then names things as in a fresh process.
        return command("train", *arguments, folder=folder)

    return run


@pytest.fixture(scope="module")
def whole_run(folder, train):
    result = train(folder, "--style=ghibli", *TINY)
    assert result.status == 0, result.stderr
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
        "epoch 3/3: generator",
        "The losses don't say",
    ):
        assert shown in result.stdout, shown
    assert (run_dir / "generator.keras").exists() and (run_dir / "losses.png").exists()


@pytest.mark.slow  # tests/training/test_trainer.py resumes to the same weights in one process.
def test_killed_at_any_moment_it_resumes_to_the_same_weights(folder, whole_run, train):
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
    assert result.status == 0, result.stderr
    assert "going on at step" in result.stdout

    name, resumed = newest_weights(run_dir)
    expected_name, expected = newest_weights(whole_run[0])
    assert name == expected_name == "step_00000018"
    assert resumed.keys() == expected.keys()
    for key in expected:
        np.testing.assert_array_equal(resumed[key], expected[key], err_msg=key)
    assert (run_dir / "metrics.csv").read_text() == (whole_run[0] / "metrics.csv").read_text()


def test_resume_refuses_another_run_in_disguise(folder, whole_run, train):
    result = train(folder, "--resume", "--style=ghibli", "--width=16", "--seed=3")
    assert result.status == 2
    assert "--width=16: the run has 8" in result.stderr
    assert "--seed=3: the run has 0" in result.stderr


def test_resume_goes_on_with_more_epochs(folder, whole_run, train):
    run_dir = folder / "longer"
    first = train(folder, "--style=ghibli", *TINY, "--epochs=0", f"--run_dir={run_dir}")
    assert first.status == 0, first.stderr
    longer = train(folder, "--resume", f"--run_dir={run_dir}", "--epochs=1")
    assert longer.status == 0, longer.stderr
    assert "going on at step 6 of 12" in longer.stdout
    assert json.loads((run_dir / "config.json").read_text())["epochs"] == 1


def test_everything_wrong_is_said_at_once(folder, train):
    result = train(folder, "--style=nobody", "--device=gpu:7", "--vgg=missing.npy")
    assert result.status == 2
    assert "--device=gpu:7" in result.stderr and "--vgg=missing.npy" in result.stderr
    assert "nobody" in result.stderr and "Ghibli" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "runs" / "nobody").exists()


def test_a_bad_picture_is_refused_or_skipped(folder, tmp_path, train):
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
    assert refused.status == 2
    assert "text.jpg" in refused.stderr and "cut.png" in refused.stderr
    assert "--skip_bad_images" in refused.stderr
    skipped = train(tmp_path, *own, "--skip_bad_images")
    assert skipped.status == 0, skipped.stderr
    assert "text.jpg" in skipped.stdout and "2 bad files left out" in skipped.stdout


def test_a_full_run_folder_is_not_overwritten(folder, whole_run, train):
    result = train(folder, "--style=ghibli", *TINY, f"--run_dir={whole_run[0]}")
    assert result.status == 2
    assert "--resume" in result.stderr


@pytest.mark.slow
def test_config_repeats_a_run(folder, whole_run, train):
    run_dir = folder / "repeated"
    result = train(folder, f"--config={whole_run[0] / 'config.json'}", f"--run_dir={run_dir}")
    assert result.status == 0, result.stderr
    for key, value in newest_weights(whole_run[0])[1].items():
        np.testing.assert_array_equal(newest_weights(run_dir)[1][key], value, err_msg=key)


@pytest.mark.slow
def test_the_demo_draws_its_own_data(tmp_path, train):
    result = train(tmp_path, "--style=demo", *TINY, "--epochs=1", "--steps_per_epoch=2")
    assert result.status == 0, result.stderr
    assert "96 photos, 96 anime pictures" in result.stdout
    assert (tmp_path / "demo" / "data" / "Demo" / "style").is_dir()


SHORTEST = (*TINY, "--epochs=0", "--steps_per_epoch=1")


def test_config_repeats_a_run_in_a_new_folder(folder, whole_run, train):
    run_dir, _ = whole_run
    before = (run_dir / "config.json").read_bytes()
    result = train(
        folder, f"--config={run_dir / 'config.json'}", "--epochs=0", "--steps_per_epoch=1"
    )
    assert result.status == 0, result.stderr
    repeated = folder / "runs" / "ghibli" / "2"
    config = json.loads((repeated / "config.json").read_text())
    assert (config["width"], config["epochs"], config["run_dir"]) == (8, 0, None)
    assert (run_dir / "config.json").read_bytes() == before
    again = train(folder, f"--config={run_dir / 'config.json'}", f"--run_dir={run_dir}")
    assert again.status == 2 and "exists and is not empty" in again.stderr


def test_the_closing_message_names_only_what_exists(whole_run):
    run_dir, result = whole_run
    assert not (run_dir / "generators").exists()
    assert "generators" not in result.stdout.split("done: ")[1]
    for path in re.findall(r"runs/\S*\w", result.stdout.split("done: ")[1]):
        assert (run_dir.parents[2] / path).exists(), path


def test_an_epoch_has_one_number_in_log_files_and_page(whole_run):
    run_dir, result = whole_run
    page = (run_dir / "samples" / "index.html").read_text()
    for epoch, name in ((1, "epoch 1 (pre-training)"), (2, "epoch 2"), (3, "epoch 3")):
        logged = name.replace(f"epoch {epoch}", f"epoch {epoch}/3")
        (line,) = [line for line in result.stdout.splitlines() if line.startswith(f"{logged}: ")]
        assert re.search(r"content \S+ \(mean \S+\)", line), "the epoch's mean, too"
        assert (run_dir / "samples" / f"epoch_{epoch:03d}.png").exists()
        assert f">{name}<" in page


def test_it_says_at_the_start_what_it_will_take(whole_run):
    _, result = whole_run
    assert (
        "plan: 1 of pre-training and 2 of adversarial training epochs, 6 steps each, 18 in all"
        in result.stdout
    )


def test_own_folders_name_the_style(folder, tmp_path, train):
    anime = tmp_path / "My Frames"
    shutil.copytree(folder / "dataset" / "Ghibli" / "style", anime)
    own = (f"--photos={folder / 'dataset' / 'train_photo'}", f"--anime={anime}", *SHORTEST)
    result = train(tmp_path, *own)
    assert result.status == 0, result.stderr
    assert (tmp_path / "runs" / "my-frames" / "1" / "generator.keras").exists()


def test_a_style_is_asked_for(folder, train):
    result = train(folder, *TINY)
    assert result.status == 2
    assert "--style: not given" in result.stderr and "Ghibli" in result.stderr
    resumed = train(folder, "--resume")
    assert resumed.status == 2 and "which run is meant?" in resumed.stderr


def test_a_name_that_an_export_could_not_have_is_refused(folder, train):
    anime = folder / "dataset" / "Ghibli" / "style"
    result = train(folder, "--style=a b", f"--anime={anime}", *TINY)
    assert result.status == 2
    assert "--style=a b: folders and servers' models can't be called so" in result.stderr


@pytest.mark.parametrize("flag", ["--run_dir", "--cache_dir"])
def test_a_folder_that_is_a_file_is_a_finding(folder, train, flag):
    (folder / "file").write_text("mine")
    for place in ("file", "file/below"):
        result = train(folder, "--style=ghibli", *TINY, f"{flag}={place}")
        assert result.status == 2
        assert f"error: {flag}={place}: file is a file" in result.stderr, result.stderr
    resumed = train(folder, "--resume", "--run_dir=file")
    assert resumed.status == 2 and "Traceback" not in resumed.stderr
    assert (folder / "file").read_text() == "mine"


def test_a_disk_too_small_for_the_checkpoints_is_said_before_work(folder, train, monkeypatch):
    usage = shutil.disk_usage(folder)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    result = train(folder, "--style=ghibli", *TINY, "--run_dir=small")
    assert result.status == 2
    assert "1 MB are free, and the checkpoints need" in result.stderr
    assert not (folder / "small").exists()


def test_a_disk_without_room_for_the_settings_is_said_before_work(folder, train, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("animegan_tf.cli.train_command.write_bytes", full)
    result = train(folder, "--style=ghibli", *TINY, "--run_dir=full")
    assert result.status == 2
    assert "full/config.json: can't be written (No space left on device)" in result.stderr


def test_two_processes_do_not_train_in_one_folder(folder, whole_run, train):
    with locked(whole_run[0]):
        result = train(folder, "--resume", f"--run_dir={whole_run[0]}", "--epochs=3")
    assert result.status == 2
    assert "another process is training in this folder" in result.stderr
    assert json.loads((whole_run[0] / "config.json").read_text())["epochs"] == 2


def test_a_run_starts_from_another_one(folder, whole_run, train):
    run_dir, _ = whole_run
    start = ("--style=ghibli", *(flag for flag in TINY if "epochs=" not in flag), "--epochs=1")
    result = train(folder, *start, f"--start_from={run_dir}", "--run_dir=started")
    assert result.status == 0, result.stderr
    assert f"starting from {run_dir}" in result.stdout and "pre-training" not in result.stdout
    config = json.loads((folder / "started" / "config.json").read_text())
    assert (config["start_from"], config["init_epochs"]) == (str(run_dir), 0)
    grids = [
        read_rgb(d / "samples" / f"epoch_{n}.png")
        for d, n in ((run_dir, "003"), (folder / "started", "000"))
    ]
    np.testing.assert_array_equal(*grids)


@pytest.mark.parametrize(
    "start, message",
    [
        ("nowhere", "no finished run"),
        ("dataset", "expected generator.keras"),
        ("dataset/val/0.png", "expected a network"),
    ],
)
def test_a_start_that_is_no_network_is_a_finding(folder, train, start, message):
    result = train(folder, "--style=ghibli", *TINY, f"--start_from={start}", "--run_dir=none")
    assert result.status == 2
    assert f"error: --start_from={start}" in result.stderr and message in result.stderr
    assert not (folder / "none").exists()


def test_a_start_of_another_width_is_a_finding(folder, whole_run, train):
    result = train(folder, "--style=ghibli", *TINY, "--width=16", f"--start_from={whole_run[0]}")
    assert result.status == 2
    assert "its width is 8, and the run's is 16. Give --width=8" in result.stderr


def test_a_film_is_turned_into_frames_once(train, folder, tmp_path):
    pytest.importorskip("av", reason="films are read by PyAV")
    film = DrawnFilm([Part("shot", 24, scene, motion="pan") for scene in (1, 2)], 96, 64)
    film.write(tmp_path / "walk.mkv")
    arguments = (f"--photos={folder / 'dataset' / 'train_photo'}", "--anime=walk.mkv", *TINY)
    first = train(tmp_path, *arguments, "--epochs=0")
    assert first.status == 0, first.stderr
    assert "style: taking frames from walk.mkv into runs/walk/frames/" in first.stdout
    (frames,) = (path for path in (tmp_path / "runs/walk/frames").iterdir() if path.is_dir())
    count = len(os.listdir(frames))
    assert count >= 2 and f"{count} anime pictures" in first.stdout
    again = train(tmp_path, *arguments, "--epochs=0")
    assert "style: frames of walk.mkv, taken before, in runs/walk/frames/" in again.stdout
    (tmp_path / "text.mkv").write_text("no film")
    wrong = train(tmp_path, "--photos=nowhere", "--anime=text.mkv", *TINY)
    assert wrong.status == 2 and "nowhere" in wrong.stderr
