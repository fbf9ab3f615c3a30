"""Serves a built page to this machine, with the headers that threads in a browser need."""

from __future__ import annotations

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class _Handler(SimpleHTTPRequestHandler):
    # Some systems know neither ending, and browsers run no script of another type.
    extensions_map = {  # noqa: RUF012 - as its base class has it.
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format, *args):
        """Nothing: a line for each file would bury the page's address."""


def page_server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of a folder's files on 127.0.0.1; call `serve_forever`.

    Args:
        folder: the page.
        port: 0 takes any free one.

    Raises:
        OSError: the port is taken.
    """
    handler = functools.partial(_Handler, directory=str(folder))
    return ThreadingHTTPServer(("127.0.0.1", port), handler)
