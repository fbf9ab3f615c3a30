"""What the tests share: verbs that run in this process, and a tiny generator."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest

from animegan_tf.cli.main import run_verb


def pytest_configure() -> None:
    """What holds for all tests, before TensorFlow is loaded."""
    # Tiny networks gain nothing from threads, and processes that test side by side share the cores.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    # The same examples in every run, whichever files are collected first; no matter of speed.
    hypothesis.settings.register_profile("steady", derandomize=True, deadline=None, max_examples=60)
    hypothesis.settings.load_profile("steady")
    # Shells start what runs in the background with Ctrl-C ignored; tests of it need it.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Done(NamedTuple):
    """A verb that has ended: its exit status and all that it wrote, libraries' output included."""

    status: int
    stdout: str
    stderr: str
    stdout_bytes: bytes


@pytest.fixture(scope="session")
def command() -> Callable[..., Done]:
    """Runs a verb as its command line does, but in this process: TensorFlow is loaded once.

        done = command("infer", "photo.png", "--tile=64", folder=tmp_path)
        assert done.status == 0, done.stderr

    An exception that escapes is a bug in the verb, and fails the test. What only a process can
    show (signals, kills, environment variables) still needs one.
    """

    def run(verb: str, *arguments: object, folder: Path | str = ".", stdin: bytes = b"") -> Done:
        argv = [f"animegan {verb}", *map(str, arguments)]
        with contextlib.chdir(folder), _standard_streams(stdin) as (stdout, stderr):
            with _warnings_as_in_a_process():
                status = run_verb(verb, argv)
            sys.stdout.flush(), sys.stderr.flush()
            written = [_content(stream) for stream in (stdout, stderr)]
        texts = [content.decode(errors="replace") for content in written]
        return Done(status, *texts, written[0])

    return run


@pytest.fixture(scope="session")
def generator_file(tmp_path_factory) -> Path:
    """A generator of width 8 with random weights, always the same, as a Keras file."""
    import tensorflow as tf

    from animegan_tf.networks.generator import build_generator
    from animegan_tf.networks.keras_file import save_generator

    tf.keras.utils.set_random_seed(5)
    path = tmp_path_factory.mktemp("generator") / "generator.keras"
    save_generator(build_generator(8), path)
    return path


@pytest.fixture(scope="module")
def kept_states():
    """Lets trainings of one configuration share their state, one after another."""
    from kept_states import TrainingState, kept_state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingState, "from_config", kept_state)
        yield


@pytest.fixture
def eagerly() -> Iterator[None]:
    """For steps that run once: tracing them would take longer than they do."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@contextlib.contextmanager
def _standard_streams(stdin: bytes) -> Iterator[tuple[io.BufferedRandom, io.BufferedRandom]]:
    """Standard input from bytes; standard output and error into files, for C code as well."""
    sys.stdout.flush(), sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin)
        files[0].seek(0)
        for descriptor, (name, file) in enumerate(zip(("stdin", "stdout", "stderr"), files)):
            kept = os.dup(descriptor)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, descriptor)
            os.dup2(file.fileno(), descriptor)
            stack.callback(setattr, sys, name, getattr(sys, name))
            mode = "r" if name == "stdin" else "w"
            setattr(
                sys,
                name,
                stack.enter_context(open(descriptor, mode, encoding="utf-8", closefd=False)),
            )
        for handler in logging.getLogger("tensorflow").handlers:
            if isinstance(handler, logging.StreamHandler):
                stack.callback(handler.setStream, handler.stream)
                handler.setStream(sys.stderr)
        yield files[1], files[2]


@contextlib.contextmanager
def _warnings_as_in_a_process() -> Iterator[None]:
    """Python's warnings on standard error, by Python's own rules rather than pytest's."""

    def show(message, category, filename, lineno, file=None, line=None):
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno, line))

    with warnings.catch_warnings():
        warnings.resetwarnings()
        for ignored in (
            DeprecationWarning,
            PendingDeprecationWarning,
            ImportWarning,
            ResourceWarning,
        ):
            warnings.simplefilter("ignore", ignored)
        warnings.showwarning = show
        yield


def _content(stream: io.BufferedRandom) -> bytes:
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    with open(stream.fileno(), "rb", closefd=False) as reader:
        return reader.read()
