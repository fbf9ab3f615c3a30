"""Ends training at a good moment."""

from __future__ import annotations

import contextlib
import signal

from tqdm import tqdm


class StopRequest:
    """Turns Ctrl-C and SIGTERM into a wish that the loop grants after the step at hand.

    An interrupt inside a step could leave half of its updates; a second one is not held back.
    """

    def __enter__(self):
        self.requested = False
        self._previous = {}
        with contextlib.suppress(ValueError):  # Not in the main thread: no signals to take.
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._request)
        return self

    def _request(self, number, frame):
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        tqdm.write("Stopping after this step; once more to stop at once.")

    def __exit__(self, *_):
        for number, handler in self._previous.items():
            signal.signal(number, handler)
