"""Errors that a user can cause, collected and reported together."""

from __future__ import annotations

import os
import sys
from typing import Callable, Iterable, NamedTuple

from absl import app, flags, logging


class Finding(NamedTuple):
    """One thing that is wrong: where it is, what is wrong, and what to do about it."""

    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}. {self.remedy}"


class UserError(Exception):
    """Everything found wrong with a user's input, raised before work begins.

    Args:
        findings: one or more `Finding`s; all of them are shown.
    """

    def __init__(self, findings: Iterable[Finding] | Finding):
        self.findings = [findings] if isinstance(findings, Finding) else list(findings)
        super().__init__("\n".join(map(str, self.findings)))


def check_all(*checks: Callable[[], object]) -> list:
    """Calls every check and returns their results.

    Raises:
        UserError: the findings of all checks that raised one, together.
    """
    results, findings = [], []
    for check in checks:
        try:
            results.append(check())
        except UserError as error:
            findings += error.findings
    if findings:
        raise UserError(findings)
    return results


def run_main(main: Callable[[list[str]], int | None]) -> None:
    """Runs an entry script's `main(argv)` under absl.

    A `UserError` or a wrong flag is printed to standard error, one finding a line, with exit
    status 2; anything else that escapes keeps its traceback and exit status 1. Arguments that
    are not flags are refused unless `main.takes_arguments` is true.
    """

    def parse(argv: list[str]) -> list[str]:
        try:
            return flags.FLAGS(argv)
        except flags.Error as error:
            print(f"error: {error}. All flags: --help", file=sys.stderr)
            sys.exit(2)

    def guarded(argv: list[str]) -> int | None:
        if not flags.FLAGS["verbosity"].present:
            logging.set_verbosity(logging.WARNING)
        try:
            if len(argv) > 1 and not getattr(main, "takes_arguments", False):
                raise UserError(Finding(" ".join(argv[1:]), "this is not a flag",
                                        "Flags are written --name=value; see --help"))
            return main(argv)
        except UserError as error:
            for finding in error.findings:
                print(f"error: {finding}", file=sys.stderr)
            return 2
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1

    app.run(guarded, flags_parser=parse)
