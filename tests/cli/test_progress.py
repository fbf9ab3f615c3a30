"""Estimates: said once, before long work, and not before short work."""

import pytest

from animegan_tf.cli.progress import Progress, in_words


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


def estimates(capsys, total, seconds_each, first=30.0, name=None):
    clock = Clock()
    with Progress(total, "picture", name, clock=clock) as progress:
        for number in range(min(total, 200)):
            clock.now += seconds_each if number else first
            progress.update()
    return capsys.readouterr().err.splitlines()


def test_long_work_is_estimated_once_after_the_first_pictures(capsys):
    (line,) = estimates(capsys, 5000, 2)
    assert (
        line == "4,994 of 5,000 pictures left, about 2 h 46 min"
    )  # The slow first one doesn't count.
    (line,) = estimates(capsys, 5000, 0.1, name="film")
    assert line.startswith("film: 4,8") and line.endswith(" of 5,000 pictures left, about 8 min")


def test_short_work_is_not(capsys):
    assert estimates(capsys, 30, 2) == []
    assert estimates(capsys, 3, 25) == []


def test_a_minute_is_enough_where_each_takes_long(capsys):
    assert estimates(capsys, 4, 100) == ["2 of 4 pictures left, about 3 min"]


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0.4, "0 s"),
        (59, "59 s"),
        (90, "2 min"),
        (3600, "1 h"),
        (12_000, "3 h 20 min"),
        (190_800, "2 d 5 h"),
    ],
)
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words
