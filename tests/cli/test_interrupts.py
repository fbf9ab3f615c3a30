"""Ctrl-C and SIGTERM: one line, nothing half-written, no thread left; a second one kills."""

import os
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from animegan_tf import images
from animegan_tf.styling.stylizer import Stylizer

SCRIPT = """
import signal, sys
from animegan_tf.cli.command import new_flags, run

def main(arguments):
    try:
        signal.raise_signal(signal.{first})
    finally:
        print("cleaning up", flush=True)
        if "twice" in arguments:
            signal.raise_signal(signal.{second})
            print("still here", flush=True)

sys.exit(run(main, new_flags(), sys.argv, usage="", takes_arguments=True,
             when_interrupted="Go on with --resume."))
"""


def interrupted(*arguments, first="SIGINT", second="SIGINT"):
    script = SCRIPT.format(first=first, second=second)
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True
    )


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
def test_the_first_one_cleans_up_and_says_how_to_go_on(first):
    done = interrupted(first=first)
    assert done.returncode == 130
    assert done.stdout == "cleaning up\n"
    assert done.stderr.strip() == "stopped. Go on with --resume."


@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM"])
def test_a_second_one_ends_at_once(second):
    done = interrupted("twice", second=second)
    assert done.returncode == -getattr(signal, second)
    assert done.stdout == "cleaning up\n" and not done.stderr


@pytest.fixture
def interrupted_at(monkeypatch):
    """Has Ctrl-C pressed while the network works for the given time."""

    def press_at(number):
        calls = []
        stylize = Stylizer.__call__

        def call(self, *arguments, **options):
            calls.append(1)
            if len(calls) == number:
                signal.raise_signal(signal.SIGINT)
            return stylize(self, *arguments, **options)

        monkeypatch.setattr(Stylizer, "__call__", call)

    return press_at


def busy_threads():
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(("read_", "write_", "camera"))
    ]


def photo(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (16, 32, 3), np.uint8)


def test_pictures(command, generator_file, tmp_path, interrupted_at):
    (tmp_path / "in").mkdir()
    for number in range(9):
        images.write_image(tmp_path / f"in/{number}.png", photo(number))
    arguments = (f"--model={generator_file}", "in", "--output=out")
    interrupted_at(5)
    done = command("infer", *arguments, folder=tmp_path)
    assert done.status == 130
    last = done.stderr.splitlines()[-1]
    assert last.startswith("stopped: ") and "of 9 pictures done. Finished results are kept" in last
    assert "Traceback" not in done.stderr and not busy_threads()
    results = os.listdir(tmp_path / "out")
    assert 1 <= len(results) <= 4 and not [name for name in results if name.startswith(".")]
    for name in results:
        assert images.read_rgb(tmp_path / "out" / name).shape == (16, 32, 3)
    done = command("infer", *arguments, "--resume", folder=tmp_path)
    assert done.status == 0, done.stderr
    assert f"{len(results)} of 9 results exist" in done.stderr
    assert len(os.listdir(tmp_path / "out")) == 9


def test_an_animation(command, generator_file, tmp_path, interrupted_at):
    images.write_gif(tmp_path / "a.gif", [photo(seed) for seed in range(30)], 50)
    interrupted_at(9)
    done = command("infer", f"--model={generator_file}", "a.gif", folder=tmp_path)
    assert done.status == 130 and "stopped: 0 of 1 pictures done." in done.stderr
    assert os.listdir(tmp_path) == ["a.gif"] and not busy_threads()


def test_a_video(command, generator_file, tmp_path, interrupted_at):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(30):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(photo(number), format="rgb24")))
        container.mux(stream.encode(None))
    shutil.copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    interrupted_at(40)
    arguments = (f"--model={generator_file}", "a.mp4", "b.mp4", "--output=out")
    done = command("infer", *arguments, folder=tmp_path)
    assert done.status == 130
    assert "stopped: 1 of 2 videos done. Finished results are kept" in done.stderr
    assert os.listdir(tmp_path / "out") == ["a.mp4"] and not busy_threads()


class Camera:
    """Gives the same frame forever."""

    released = False

    def read(self):
        return True, photo()

    def release(self):
        self.released = True


def test_the_camera(command, generator_file, tmp_path, monkeypatch, interrupted_at):
    camera = Camera()
    monkeypatch.setattr("animegan_tf.cli.infer_command.check_window", lambda: None)
    monkeypatch.setattr("animegan_tf.cli.infer_command.open_camera", lambda number: camera)
    for name in ("namedWindow", "imshow", "destroyAllWindows"):
        monkeypatch.setattr(f"animegan_tf.styling.webcam.cv2.{name}", lambda *arguments: None)
    monkeypatch.setattr("animegan_tf.styling.webcam.cv2.waitKey", lambda delay: -1)
    monkeypatch.setattr("animegan_tf.styling.webcam.cv2.getWindowProperty", lambda *names: 1.0)
    interrupted_at(3)
    done = command("infer", f"--model={generator_file}", "--webcam=0", folder=tmp_path)
    assert done.status == 130 and done.stderr.endswith("stopped: 2 frames shown.\n")
    assert camera.released and not busy_threads()
