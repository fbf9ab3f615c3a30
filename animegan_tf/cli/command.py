"""Runs a command: parses its flags, reports what is wrong, ends with the right exit status."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import flags
from absl.testing import flagsaver

from animegan_tf.cli.system_errors import refused_by_system
from animegan_tf.errors import Finding, UserError

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C or SIGTERM ended, as shells have it."""


def new_flags() -> flags.FlagValues:
    """An empty set of flags for one command, with --help."""
    flag_values = flags.FlagValues()
    flags.DEFINE_bool("help", False, "show this help", short_name="h", flag_values=flag_values)
    return flag_values


def run(
    main: Callable[[list[str]], int | None],
    flag_values: flags.FlagValues,
    argv: Sequence[str],
    *,
    usage: str,
    takes_arguments: bool = False,
    when_interrupted: str = "",
) -> int:
    """Parses a command line and calls `main` with its arguments.

    A `UserError` or a wrong flag is printed to standard error, one finding a line. Ctrl-C and
    SIGTERM end the command in one line; a second one ends it at once. What the system refuses in
    the middle of work, such as room on the disk, is one line too. Anything else that escapes is a
    bug and keeps its traceback. The flags are as before afterwards, so that commands can
    follow each other in one process.

    Args:
        main: takes the arguments that are not flags; returns an exit status, None for 0.
        flag_values: the command's flags, from `new_flags`.
        argv: the command line, beginning with the program's name.
        usage: what the command does, the first part of its help.
        takes_arguments: whether it takes arguments that are not flags.
        when_interrupted: how to go on after Ctrl-C, unless `main` knows better: the arguments of
            its `KeyboardInterrupt` are what is done, and how to go on.

    Returns:
        The exit status: that of `main`, 2 for a user's error, 1 if work had begun by then, 130 if
        interrupted.
    """
    saved = flagsaver.save_flag_values(flag_values)
    _open_closed_streams()
    _print_any_name()
    try:
        with _interrupts():
            try:
                arguments = flag_values(list(argv))[1:]
            except flags.Error as error:
                raise UserError(Finding("command line", str(error), "All flags: --help")) from error
            if flag_values["help"].value:
                print(f"{usage.strip()}\n\nFlags:\n{_help_of(flag_values)}")
                return 0
            if arguments and not takes_arguments:
                raise UserError(
                    Finding(
                        " ".join(arguments),
                        "this is not a flag",
                        "Flags are written --name=value; see --help",
                    )
                )
            status = main(arguments) or 0
            if sys.stdout:  # At the exit it would be too late to say that it can't be written.
                sys.stdout.flush()
            return status
    except UserError as error:
        for finding in error.findings:
            print(f"error: {finding}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt as stop:
        done, *hint = stop.args or ("",)
        ending = f". {hint[0] if hint else when_interrupted}".rstrip()
        print(f"\nstopped{done and f': {done}'}{ending}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        refused = refused_by_system(error, when_interrupted or "Run it again")
        if refused is None:
            raise
        print(f"error: {refused}", file=sys.stderr)
        return 1
    finally:
        flagsaver.restore_flag_values(saved, flag_values)


def _open_closed_streams() -> None:
    """Else the next file that is opened would take a stream's place, and get what is printed."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # Takes the lowest number that is free.
        if getattr(sys, name) is None:
            mode = "w" if descriptor else "r"
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))


def _print_any_name() -> None:
    """What a terminal's encoding does not have is printed escaped; it never ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _interrupts() -> Iterator[None]:
    """Ctrl-C and SIGTERM unwind, so that what is half-written is removed; a second one kills."""
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM)
        if signal.getsignal(number) is not signal.SIG_IGN  # As under nohup.
    ]

    def interrupt(number, frame):
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    try:
        previous = {number: signal.signal(number, interrupt) for number in numbers}
    except ValueError:  # Not in the main thread: no signals to take.
        yield
        return
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _help_of(flag_values):
    lines = []
    for name in sorted(set(flag_values) - {"h"}):
        flag = flag_values[name]
        prefix = "--[no]" if flag.boolean else "--"
        value = (flag.default_as_str or "").strip("'")
        default = f" (default: {value})" if value else ""
        lines.append(f"  {prefix}{name}: {' '.join(flag.help.split())}{default}")
    return "\n".join(lines)
