import pytest

from animegan_tf.training.pace import Pace, duration


def said(pretrain_steps, total_steps, seconds_a_step, start=0):
    now = [0.0]
    pace = Pace(pretrain_steps, total_steps, clock=lambda: now[0])
    lines = {}
    for step in range(start + 1, total_steps + 1):
        now[0] += seconds_a_step(step)
        if line := pace.step_done(step):
            lines[step] = line
    return lines


def test_it_speaks_once_in_each_phase_after_twenty_steps():
    lines = said(100, 1000, lambda step: 1.0 if step <= 100 else 3.0)
    assert list(lines) == [20, 120]
    assert lines[20].startswith("1 s a step: pre-training ends")
    assert lines[20].endswith("in 80 s; then come 900 longer steps")
    assert lines[120].startswith("3 s a step: training ends")
    assert lines[120].endswith("in 44 min")


def test_the_first_step_compiles_and_does_not_count():
    (line,) = said(0, 30, lambda step: 60.0 if step == 1 else 0.5).values()
    assert line.startswith("0.5 s a step")


def test_a_resumed_run_is_measured_anew():
    assert list(said(100, 1000, lambda step: 1.0, start=500)) == [520]


def test_a_run_of_a_few_steps_says_nothing():
    assert said(5, 15, lambda step: 1.0) == {}


@pytest.mark.parametrize(
    "seconds, text",
    [(5, "5 s"), (100, "2 min"), (3600, "60 min"), (11400, "3 h 10 min"), (200000, "2 days 7 h")],
)
def test_durations_in_words(seconds, text):
    assert duration(seconds) == text
