"""Chromium without a window, driven over its debugging pipe: no package is needed for it."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-sandbox",  # Root has none, and the pages are the project's own.
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "about:blank",
)


def find_chromium() -> str | None:
    """The browser's program; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """A running browser with a profile of its own.

    Args:
        program: of `find_chromium`.
        profile: an empty folder.
        flags: further ones.
    """

    def __init__(self, program: str, profile: Path, *flags: str):
        # Beyond 9, so that the redirections below do not close what they have yet to copy.
        to_browser, self._to, self._from, from_browser = (
            _beyond_9(end) for end in (*os.pipe(), *os.pipe())
        )
        command = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "bash", program, f"--user-data-dir={profile}", *flags, *FLAGS],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser), os.close(from_browser)
        self._ids = itertools.count(1)
        self._rest = b""
        self.events: list[dict] = []

    def close(self) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            self.call("Browser.close")
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to), os.close(self._from)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict:
        """What a command of the DevTools protocol returns; events that come first are kept."""
        call_id = next(self._ids)
        message = {"id": call_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read(time.monotonic() + 120)
            if answer.get("id") == call_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self._keep(answer)

    def _keep(self, event):
        self.events.append(event)
        if event.get("method") == "Target.attachedToTarget":  # A worker: listen to it as well.
            self._listen(event["params"]["sessionId"])

    def _listen(self, session):
        for method, params in (
            ("Network.enable", {}),
            (
                "Target.setAutoAttach",
                {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": True},
            ),
        ):
            message = {"id": next(self._ids), "method": method, "params": params}
            os.write(self._to, json.dumps({**message, "sessionId": session}).encode() + b"\0")

    def _read(self, deadline):
        while b"\0" not in self._rest:
            if not select.select([self._from], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self._from, 1 << 20)
            if not data:
                raise OSError("the browser has ended")
            self._rest += data
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    @contextlib.contextmanager
    def tab(self, address: str, width: int = 1280, height: int = 900) -> Iterator[Tab]:
        """A tab at an address, closed in the end."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "DOM", "Runtime", "Network"):
            tab.call(f"{domain}.enable")
        self._listen(session)
        tab.resize(width, height)
        tab.call("Page.navigate", url=address)
        try:
            yield tab
        finally:
            self.call("Target.closeTarget", targetId=target)


def _beyond_9(descriptor):
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


class Tab:
    """A tab of a `Browser`."""

    def __init__(self, browser: Browser, session: str):
        self.browser = browser
        self._session = session

    def call(self, method: str, **params: Any) -> dict:
        return self.browser.call(method, self._session, **params)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 500,
        )

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, condition: str, seconds: float = 120) -> Any:
        """The first true value of an expression."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(RuntimeError):  # The page is being loaded.
                if value := self.run(condition):
                    return value
            time.sleep(0.05)
        text = self.run("document.body.innerText")
        raise AssertionError(f"never came true: {condition}\n{text}")

    def choose_file(self, selector: str, path: Path) -> None:
        """Puts a file into an <input type=file>."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    def screenshot(self, path: Path) -> None:
        """Of the whole page, as PNG."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))
