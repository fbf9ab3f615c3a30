"""The live picture: the newest frame, dropping, the end; what stands in the way of a window."""

import sys
import time

import cv2
import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.errors import UserError
from animegan_tf.networks.generator import build_generator
from animegan_tf.styling.options import Options
from animegan_tf.styling.stylizer import Stylizer
from animegan_tf.styling.webcam import NewestFrame, check_window, open_camera, run_live

COUNT = 40


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Frames whose brightness tells their number."""
    path = str(tmp_path_factory.mktemp("video") / "video.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 30, (48, 32))
    for number in range(COUNT):
        frame = np.zeros((32, 48, 3), np.uint8)
        frame[:, :24, 2], frame[:, 24:, 2] = 20 + 5 * number, 60 + 5 * number  # Red, BGR.
        writer.write(frame)
    writer.release()
    return path


class Camera:
    """Gives a video's frames at their pace."""

    def __init__(self, path, pause=0.01):
        self.capture, self.pause = cv2.VideoCapture(path), pause

    def read(self):
        time.sleep(self.pause)
        return self.capture.read()


def number_of(rgb):
    assert rgb[..., 1:].mean() < 12
    return round((rgb[..., 0].mean() - 40) / 5)


def unchanged(photos, **effects):
    return photos


def test_a_slow_consumer_stays_live(video):
    frames = NewestFrame(Camera(video))
    seen = []
    while (frame := frames.take()) is not None:
        seen.append(number_of(frame))
        time.sleep(0.08)
    assert seen == sorted(set(seen)) and len(seen) < COUNT / 2
    assert seen[-1] == COUNT - 1
    assert frames.dropped == COUNT - len(seen)


def test_a_fast_consumer_gets_every_frame_once(video):
    frames = NewestFrame(Camera(video, pause=0.02))
    seen = []
    while (frame := frames.take()) is not None:
        seen.append(number_of(frame))
    assert seen == list(range(COUNT)) and frames.dropped == 0


def test_live_results_are_the_stylizers(video):
    tf.keras.utils.set_random_seed(5)
    stylizer = Stylizer(build_generator(4), memory_limit=1e12)
    stylizer(np.zeros((16, 24, 3), np.uint8))  # The first call takes longer than the video.
    frames, shown = NewestFrame(Camera(video)), []

    def show(anime):
        shown.append(anime)
        return len(shown) < 2

    run_live(stylizer, frames, show, Options(compare=True, max_side=24))
    frames.close()
    assert len(shown) == 2  # Ended by `show`, as by q.
    photo, anime = shown[1][:, :24], shown[1][:, 24:]
    assert photo.shape == (16, 24, 3)
    assert np.array_equal(anime, stylizer(photo)) and anime.std() > 5


def test_live_ends_with_the_camera(video):
    shown = []
    run_live(
        unchanged,
        NewestFrame(Camera(video, pause=0)),
        lambda rgb: shown.append(rgb) or True,
        temporal=True,
    )
    assert shown


def test_closing_ends_the_thread_while_the_camera_runs(video):
    frames = NewestFrame(Camera(video))
    frames.take()
    frames.close()
    assert not frames._thread.is_alive()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a display")
def test_no_display_is_an_error_that_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match=r"--webcam: (there is no display|this OpenCV can't open)"):
        check_window()


def test_no_camera_is_an_error_that_says_so(capfd):
    with pytest.raises(UserError, match="--webcam=97: no such camera"):
        open_camera(97)
    assert not capfd.readouterr().err
