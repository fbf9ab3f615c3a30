"""Run folders: `runs/<style>/<n>`."""

from __future__ import annotations

from pathlib import Path

from animegan_tf.errors import Finding, UserError

RUNS = Path("runs")


def runs_of(style: str) -> list[Path]:
    """The runs of a style under `runs/`, oldest first."""
    folder = RUNS / style.lower()
    numbered = [path for path in folder.glob("*") if path.name.isdigit()]
    return sorted(numbered, key=lambda path: int(path.name))


def new_run_dir(style: str) -> Path:
    """Makes the next free `runs/<style>/<n>`."""
    existing = runs_of(style)
    number = int(existing[-1].name) + 1 if existing else 1
    while True:
        path = RUNS / style.lower() / str(number)
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:  # Another run has just taken it.
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
