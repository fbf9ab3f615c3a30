"""The `animegan` command: one verb for each thing that can be done with a style."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from animegan_tf.cli.command import new_flags, run
from animegan_tf.errors import Finding, UserError
from animegan_tf.quiet import import_tensorflow
from animegan_tf.version import __version__

VERBS = {
    "frames": "take a style's pictures from films",
    "train": "train a style from photos and anime frames",
    "infer": "turn photos, folders, and videos into anime",
    "export": "write a style for servers, phones, and browsers",
    "web": "make a browser page that runs the styles",
    "import": "read a checkpoint of the authors' code",
    "table1": "print the paper's Table 1, measured on this project's networks",
    "draw": "draw the demo data set",
    "demo": "style photos, train for a minute, and show it all on one page",
    "evaluate": "say how good a style is, in figures and on a page",
    "styles": "list the styles that come with the project",
}
"""What `animegan` can do. Verb X has its flags in `cli.X_flags` and its work in `cli.X_command`."""


def run_verb(verb: str, argv: Sequence[str]) -> int:
    """Runs one verb; its flags are answered for before anything heavy is loaded.

    Args:
        verb: a key of `VERBS`.
        argv: the command line, beginning with the program's name.

    Returns:
        The exit status.
    """
    settings = importlib.import_module(f"animegan_tf.cli.{verb}_flags")

    def main(arguments):
        if getattr(settings, "NEEDS_TENSORFLOW", True):
            import_tensorflow()
        return importlib.import_module(f"animegan_tf.cli.{verb}_command").main(arguments)

    return run(
        main,
        settings.FLAGS,
        argv,
        usage=settings.__doc__ or "",
        takes_arguments=settings.TAKES_ARGUMENTS,
        when_interrupted=settings.WHEN_INTERRUPTED,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The `animegan` command.

    Args:
        argv: the command line, beginning with the program's name; None: that of the process.

    Returns:
        The exit status.
    """
    program, *arguments = sys.argv if argv is None else argv
    verb = arguments[0] if arguments else "--help"
    if verb in VERBS:
        return run_verb(verb, [f"{program} {verb}", *arguments[1:]])
    return run(lambda _: say(verb), new_flags(), [program], usage="")


def say(verb: str) -> None:
    """Prints what is asked for in place of a verb.

    Raises:
        UserError: nothing that is known.
    """
    if verb in ("--help", "-h", "help"):
        verbs = "\n".join(f"  {name:10}{meaning}" for name, meaning in VERBS.items())
        print(f"animegan VERB [FLAGS]: photos to anime.\n\n{verbs}\n\nFlags: animegan VERB --help")
    elif verb == "--version":
        print(f"animegan-tf {__version__}")
    else:
        raise UserError(Finding(verb, "is not a verb of animegan", f"Verbs: {', '.join(VERBS)}"))


if __name__ == "__main__":
    sys.exit(main())
