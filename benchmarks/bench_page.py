"""The browser page: its network in WebAssembly beside native ONNX Runtime, and its start."""

from __future__ import annotations

import functools
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harness import ROOT, THREADS, Row, compare

sys.path.append(str(ROOT / "tests"))
from browser import Browser, find_chromium

from animegan_tf import styles
from animegan_tf.cli.web_server import page_server
from animegan_tf.data.scenery import draw_photo
from animegan_tf.errors import UserError
from animegan_tf.exporting import web
from animegan_tf.images import to_float, write_image
from animegan_tf.networks.generator import width_of
from animegan_tf.networks.loading import find_weights, read_model
from animegan_tf.timing import alternate

SIDE = 256
LOAD = """(async () => {
  const { Network } = await import("./network.js");
  const { sizes } = await (await fetch("files.json")).json();
  window.network = new Network();
  await network.load("%s", sizes, "wasm", () => {});
  window.photo = new ImageData(%d, %d);
})()"""
DONE = "/Done/.test(document.getElementById('status').textContent)"


def rows(model: str | None, rounds: int) -> Iterator[Row]:
    what = f"page, WebAssembly, {THREADS} threads, {SIDE}x{SIDE}, "
    try:
        import onnxruntime  # noqa: F401

        web.check_web()
    except (ImportError, UserError) as error:
        yield Row(what + "full", "native ONNX Runtime", missing=str(error))
        return
    if not find_chromium():
        yield Row(what + "full", "native ONNX Runtime", missing="no Chromium")
        return
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page"
        page.mkdir()
        networks = {}
        for light in (False, True):
            generator = read_model(find_weights(str(styles.path_of(styles.DEFAULT, light=light))))
            path = web.export_network(generator, styles.DEFAULT, page).path
            networks[path] = width_of(generator)
        web.build_page([web.PageStyle(styles.DEFAULT, networks)], page)
        server = page_server(page, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        try:
            for path, name in zip(networks, ("full", "light")):
                yield against_native(what + name, address, page, path, rounds)
            yield start(address, Path(folder))
        finally:
            server.shutdown()
            server.server_close()


def against_native(what, address, page, path, rounds):
    """The same file in the browser and outside it, in turn."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    photo = to_float(draw_photo(np.random.default_rng(0), SIDE, SIDE))[None]
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(find_chromium(), Path(profile))
        try:
            with browser.tab(address) as tab:
                tab.wait("document.documentElement.dataset.ready")
                tab.run(LOAD % (path.relative_to(page).as_posix(), SIDE, SIDE))
                times = alternate(
                    {
                        "page": functools.partial(tab.run, "network.run(photo).then(() => 0)"),
                        "native": lambda: session.run(None, {"photo": photo}),
                    },
                    rounds,
                    warm_up=1,
                )
        finally:
            browser.close()
    return compare(what, "native ONNX Runtime", times["page"], times["native"], None)


def start(address, folder):
    """From opening the page, with nothing kept from before, to the first picture."""
    photo = folder / "photo.png"
    write_image(photo, draw_photo(np.random.default_rng(0), SIDE, SIDE))
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(find_chromium(), Path(profile))
        try:
            begin = time.perf_counter()
            with browser.tab(address) as tab:
                tab.wait("document.documentElement.dataset.ready")
                opened = time.perf_counter() - begin
                tab.choose_file("#file", photo)
                tab.wait(DONE)
                first = time.perf_counter() - begin
                begin = time.perf_counter()
                tab.run("document.getElementById('status').textContent = ''")
                tab.choose_file("#file", photo)
                tab.wait(DONE)
                second = time.perf_counter() - begin
        finally:
            browser.close()
    return Row(
        f"page, opening to first picture, {SIDE}x{SIDE}, light",
        "a second picture",
        first / second,
        first / second,
        detail=f"{first:.1f} s (of them {opened:.1f} to the open page) against {second:.1f} s",
    )
