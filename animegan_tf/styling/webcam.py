"""A camera's picture as anime, live in a window."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np

from animegan_tf.errors import Finding, UserError
from animegan_tf.opencv import cv2
from animegan_tf.styling.effects import Process, reduced
from animegan_tf.styling.options import DEFAULTS, Options
from animegan_tf.styling.stylizer import Stylizer

TITLE = "AnimeGAN (q: quit)"


class NewestFrame:
    """Reads a capture in a thread of its own and holds its newest frame only.

    Whoever is slower than the camera gets the current picture, never an older one from a queue.

    Args:
        capture: a `cv2.VideoCapture`, or whatever has its `read()`.

    Attributes:
        dropped: how many frames were replaced by newer ones before anyone took them.
    """

    def __init__(self, capture):
        self.dropped = 0
        self._capture = capture
        self._frame = None
        self._ended = self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="camera", daemon=True)
        self._thread.start()

    def _read(self):
        while not self._closed:
            try:
                read, bgr = self._capture.read()
            except cv2.error:  # Unplugged.
                read = False
            with self._changed:
                if read:
                    self.dropped += self._frame is not None
                    self._frame = bgr
                self._ended = not read
                self._changed.notify()
            if not read:
                return

    def take(self) -> np.ndarray | None:
        """Waits for a frame that has not been taken: uint8 RGB (H, W, 3). None: no more come."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
        return None if frame is None else cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Ends the thread; the capture can be released then."""
        self._closed = True
        self._thread.join()


def check_window() -> None:
    """Makes sure that a window can be shown.

    Raises:
        UserError: this OpenCV, or this machine, has none.
    """
    # Where there is no display, Qt ends the whole process: so another one tries it.
    code = "import cv2; cv2.namedWindow('test'); cv2.destroyAllWindows()"
    tried = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if "not implemented" in tried.stderr:
        raise UserError(
            Finding(
                "--webcam",
                "this OpenCV can't open windows (opencv-python-headless)",
                "pip uninstall opencv-python-headless; pip install --force-reinstall opencv-python",
            )
        )
    if tried.returncode:
        raise UserError(
            Finding(
                "--webcam",
                "there is no display to show a window on",
                "Run it on a desktop, or over ssh -X",
            )
        )


def open_camera(number: int) -> cv2.VideoCapture:
    """Opens a camera that gives pictures.

    Raises:
        UserError: there is none of this number, or it gives none.
    """
    log = getattr(cv2.utils, "logging", cv2)  # Where OpenCV 5 has it, and where OpenCV 4.
    log_level = log.getLogLevel()
    log.setLogLevel(0)  # Silent: what is wrong is said below.
    try:
        capture = cv2.VideoCapture(number)
    finally:
        log.setLogLevel(log_level)
    if not capture.isOpened():
        raise UserError(
            Finding(
                f"--webcam={number}",
                "no such camera, or no permission to use it",
                "Connect it, allow it, or give another number",
            )
        )
    if not capture.read()[0]:
        capture.release()
        raise UserError(
            Finding(
                f"--webcam={number}",
                "the camera gives no picture",
                "Close other programs that use it",
            )
        )
    return capture


def run_live(
    stylizer: Stylizer,
    frames: NewestFrame,
    show: Callable[[np.ndarray], bool],
    options: Options = DEFAULTS,
    *,
    temporal: bool = False,
) -> None:
    """Stylizes the newest frame, again and again.

    Args:
        stylizer: does the work.
        frames: the camera's.
        show: gets each result, uint8 RGB; the work ends when it returns False, or with the
            camera.
        options: what is done to each frame; `quality` and `stream_format` do not apply.
        temporal: less flicker, see `TemporalFilter`.
    """
    process = Process(stylizer, options, temporal=temporal)
    while (photo := frames.take()) is not None:
        if not show(process(reduced(photo, options.max_side)[None])[0]):
            return


def show_webcam(
    stylizer: Stylizer,
    capture: cv2.VideoCapture,
    options: Options = DEFAULTS,
    *,
    temporal: bool = False,
    on_frames: Callable[[int], None] = lambda count: None,
) -> None:
    """Shows a camera's picture as anime until q or Escape is pressed, or the window is closed.

    Args:
        capture: from `open_camera`; it is released at the end.
        on_frames: called with 1 for each frame that has been shown.
        stylizer, options, temporal: as in `run_live`.
    """

    def show(anime):
        cv2.imshow(TITLE, cv2.cvtColor(anime, cv2.COLOR_RGB2BGR))
        on_frames(1)
        pressed = cv2.waitKey(1) & 0xFF
        closed = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
        return not closed and pressed not in (ord("q"), 27)

    cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
    frames = NewestFrame(capture)
    try:
        run_live(stylizer, frames, show, options, temporal=temporal)
    finally:
        frames.close()
        capture.release()
        cv2.destroyAllWindows()
