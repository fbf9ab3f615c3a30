"""Run folders: `runs/<style>/<n>`, their names, who may write them, and whether they fit."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
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


def existing_part(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: where it would be made."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def check_room(flag: str, folder: Path, needed: float, what: str, remedy: str) -> None:
    """Checks that what is to be written fits the disk, before long work is done for it.

    Args:
        flag: what the folder is for, as the finding calls it.
        folder: exists, or is to be made.
        needed: bytes, by a cautious estimate.
        what: in words, what needs them, such as "the exports".
        remedy: follows "Make room".

    Raises:
        UserError: it is too small.
    """
    try:
        free = shutil.disk_usage(existing_part(folder)).free
    except OSError:
        return  # Writing will tell.
    if free < needed:
        raise UserError(
            Finding(
                f"{flag}={folder}",
                f"{free / 1e6:,.0f} MB are free, and {what} need {needed / 1e6:,.0f} MB",
                f"Make room{remedy}",
            )
        )


@contextlib.contextmanager
def locked(
    folder: Path,
    doing: str = "training",
    remedy: str = "Wait for it or end it; or train into another --run_dir",
    name: str = LOCK,
) -> Iterator[None]:
    """Holds a folder that exists, so that no second process works in it.

    The lock is the system's own (`flock`) and dies with the process, however that ends. Over NFS
    it works as far as the server hands locks on; on Windows there is none.

    Args:
        folder: gets a hidden file for as long as it is held.
        doing: what is done in it, for the finding of the second process.
        remedy: for that finding.
        name: of the hidden file.

    Raises:
        UserError: another process holds it.
        OSError: the folder can't be written to.
    """
    path = folder / name
    while True:
        file = open(path, "a")  # noqa: SIM115 - closed below, or at the end.
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            reason = f"another process is {doing} in this folder"
            raise UserError(Finding(str(folder), reason, remedy)) from error
        except OSError:  # A file system without locks.
            pass
        if _is_at(file, path):
            break
        file.close()  # Its owner has just removed it: others will not see a lock on it.
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # The folder is gone.
            path.unlink()
        file.close()


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
