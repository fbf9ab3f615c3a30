"""What the browser page runs on: packages from npm, at the versions that its lock file pins.

ONNX Runtime for browsers runs the network, and mediabunny reads and writes video files. They are
copied into the built page and never into this project.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from animegan_tf.errors import Finding, UserError
from animegan_tf.images import write_bytes

RUNTIME_FILES = {
    "onnxruntime-web": (
        "dist/ort.wasm.min.mjs",
        "dist/ort.webgpu.min.mjs",
        "dist/ort-wasm-simd-threaded.mjs",
        "dist/ort-wasm-simd-threaded.wasm",
        "dist/ort-wasm-simd-threaded.asyncify.mjs",
        "dist/ort-wasm-simd-threaded.asyncify.wasm",
    ),
    "mediabunny": ("dist/bundles/mediabunny.min.mjs",),
}
"""What the page takes from each package."""
NPM_INSTALL = ("npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")


def check_npm(source: Path) -> None:
    """Raises a UserError if the packages are neither there nor can be fetched.

    Args:
        source: the folder with `package.json` and its lock file.
    """
    if not _installed_packages(source) and not shutil.which("npm"):
        raise UserError(
            Finding(
                "npm",
                "not found; the page's runtime (onnxruntime-web) is fetched by it",
                "Install Node.js 18 or newer; it is needed only while the page is built",
            )
        )


def copy_runtime(source: Path, folder: Path) -> None:
    """Copies the files of `RUNTIME_FILES`, their licenses, and a note of what they are.

    Args:
        source: the folder with `package.json` and its lock file.
        folder: where they go; it is made.

    Raises:
        UserError: the packages can't be fetched.
    """
    folder.mkdir(exist_ok=True)
    notes = []
    with _packages(source) as packages:
        for package, names in RUNTIME_FILES.items():
            for name in names:
                shutil.copyfile(packages / package / name, folder / Path(name).name)
            facts = json.loads((packages / package / "package.json").read_text(encoding="utf-8"))
            notes.append(f"{package} {facts['version']}, license {facts['license']}, from npm")
            license_file = packages / package / "LICENSE"
            if license_file.is_file():
                shutil.copyfile(license_file, folder / f"LICENSE-{package}.txt")
    write_bytes(folder / "README.txt", ("\n".join(notes) + "\n").encode())


def _packages(source: Path) -> AbstractContextManager[Path]:
    """A context with the folder of the npm packages: that of the clone, or a fresh one."""
    installed = _installed_packages(source)
    return contextlib.nullcontext(installed) if installed else _fetched_packages(source)


def _installed_packages(source: Path) -> Path | None:
    """The clone's own npm packages; None unless each has the pinned version."""
    folder = source / "node_modules"
    pinned = json.loads((source / "package.json").read_text(encoding="utf-8"))["dependencies"]
    for name, version in pinned.items():
        try:
            package = json.loads((folder / name / "package.json").read_text(encoding="utf-8"))
        except OSError:
            return None
        if package["version"] != version:
            return None
    return folder


@contextlib.contextmanager
def _fetched_packages(source: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as working:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(source / name, Path(working) / name)
        npm, *arguments = NPM_INSTALL
        done = subprocess.run(
            [shutil.which(npm) or npm, *arguments],
            cwd=working,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if done.returncode:
            *_, last = done.stderr.strip().splitlines() or ["no message"]
            raise UserError(
                Finding(
                    " ".join(NPM_INSTALL),
                    f"failed with status {done.returncode}: {last}",
                    "See whether npm reaches its registry",
                )
            )
        yield Path(working) / "node_modules"
