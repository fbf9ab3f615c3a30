"""Run folders: `runs/<style>/<n>`, how they are called, and who may write them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from animegan_tf.errors import Finding, UserError

try:
    import fcntl
except ImportError:  # Windows: no locks, as before there were any.
    fcntl = None  # type: ignore[assignment]

RUNS = Path("runs")
DEMO_RUN = Path("demo") / "run"
"""Where `make demo` trains: one more run of the style demo."""
LOCK = ".lock"


def check_name(flag: str, name: str) -> None:
    """Checks a style's name, which becomes a folder here and a model's name on a server.

    Raises:
        UserError: the name can't be used for both.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise UserError(
            Finding(
                f"{flag}={name}",
                "folders and servers' models can't be called so",
                "Use letters, digits, _ . and -, with a letter or digit first",
            )
        )


def runs_of(style: str) -> list[Path]:
    """The runs of a style under `runs/`, oldest first; those of the demo include `DEMO_RUN`."""
    runs = _numbered_runs(style)
    if style.lower() == "demo" and DEMO_RUN.is_dir():
        runs = sorted([*runs, DEMO_RUN], key=lambda run: run.stat().st_mtime)
    return runs


def _numbered_runs(style):
    folder = RUNS / style.lower()
    numbered = [path for path in folder.glob("*") if path.name.isdecimal()]
    return sorted(numbered, key=lambda path: int(path.name))


def new_run_dir(style: str) -> Path:
    """Makes the next free `runs/<style>/<n>`.

    Raises:
        OSError: it can't be made.
    """
    existing = _numbered_runs(style)
    number = int(existing[-1].name) + 1 if existing else 1
    while True:
        path = RUNS / style.lower() / str(number)
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:  # Another run has just taken it.
            if not path.parent.is_dir():
                raise
            number += 1


def run_of(path: Path) -> Path | None:
    """The run folder that a generator or checkpoint lies in; None if it lies in none."""
    above = list(path.parents)[:3]  # checkpoints/step_00000300/checkpoint is the deepest.
    return next((folder for folder in above if (folder / "config.json").is_file()), None)


def newest_run(style: str, holding: str, remedy: str) -> Path:
    """The newest run of a style that holds a file or folder of this name.

    Raises:
        UserError: there is none; the remedy is the caller's.
    """
    for path in reversed(runs_of(style)):
        if (path / holding).exists():
            return path
    raise UserError(
        Finding(f"--style={style}", f"no run under {RUNS / style.lower()} has {holding}", remedy)
    )


def check_folder(flag: str, folder: Path) -> None:
    """Checks, without making it, that a folder is or can be there and be written to.

    Args:
        flag: what the folder is for, as the finding calls it.
        folder: exists, or is to be made.

    Raises:
        UserError: a file is in the way, or nothing may be written there.
    """
    place = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not place.is_dir():
        reason = f"{place} is a file, not a folder" if place.is_file() else f"{place} is no folder"
    elif not os.access(place, os.W_OK | os.X_OK):
        reason = f"nothing may be written to {place.absolute()}"
    else:
        return
    raise UserError(Finding(f"{flag}={folder}", reason, "Name another folder, or mend this one"))


@contextlib.contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Holds a run folder, so that no second process trains into it.

    The lock is the system's own (`flock`) and dies with the process, however that ends. Over NFS
    it works as far as the server hands locks on; on Windows there is none.

    Raises:
        UserError: another process holds it.
        OSError: the folder can't be written to.
    """
    with open(run_dir / LOCK, "a") as file:
        if fcntl:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(
                    Finding(
                        str(run_dir),
                        "another process is training in this folder",
                        "Wait for it or end it; or train into another --run_dir",
                    )
                ) from error
            except OSError:  # A file system without locks.
                pass
        yield
