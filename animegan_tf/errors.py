"""Errors that a user can cause, collected and reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple


def printable(text: object) -> str:
    """A text, such as a file's name, in a form that is safe to print and takes one line.

    Line breaks, control characters, those that turn the direction of writing, and bytes that are
    not UTF-8 are escaped.
    """
    return "".join(
        character if character.isprintable() else _escaped(character) for character in str(text)
    )


def _escaped(character):
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # A byte that Python could not decode.
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


class Finding(NamedTuple):
    """One thing that is wrong: where it is, what is wrong, and what to do about it."""

    where: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return printable(f"{self.where}: {self.reason}. {self.remedy}")


class UserError(Exception):
    """Everything found wrong with a user's input, raised before work begins.

    Args:
        findings: one or more `Finding`s; all of them are shown.
    """

    exit_status = 2

    def __init__(self, findings: Iterable[Finding] | Finding):
        self.findings = [findings] if isinstance(findings, Finding) else list(findings)
        super().__init__("\n".join(map(str, self.findings)))


class WorkFailed(UserError):
    """What stopped work that had begun. Its remedy says what is intact and how to go on."""

    exit_status = 1


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
