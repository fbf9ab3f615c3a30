"""What is installed: the version, and how its commands are called. Loads no TensorFlow."""

from __future__ import annotations

from pathlib import Path

__version__ = "1.0.0"

_PROJECT = Path(__file__).resolve().parents[1]


def command_name(verb: str) -> str:
    """How this user starts a verb, for messages that name a command.

    Returns:
        `animegan infer` where the package was installed by pip; in a clone `python infer.py`, or
        `python -m animegan_tf styles` for a verb without a script of its own.
    """
    if not (_PROJECT / "setup.cfg").is_file():  # Wheels have none.
        return f"animegan {verb}"
    if (_PROJECT / f"{verb}.py").is_file():
        return f"python {verb}.py"
    return f"python -m animegan_tf {verb}"
