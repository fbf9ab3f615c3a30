"""Films to pictures: what must be found in films whose every frame is known."""

import contextlib
import itertools
import os
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("av", reason="films are read by PyAV")

from drawn_films import RATE, DrawnFilm, Part, some_film

from animegan_tf import images
from animegan_tf.data.films import frames as films
from animegan_tf.data.films import sources
from animegan_tf.data.films.bars import find_bars
from animegan_tf.data.films.frames import take_frames
from animegan_tf.data.films.luma import NOTHING, glance_at, planes_of
from animegan_tf.data.films.shots import ShotFinder
from animegan_tf.data.films.sources import FrameSettings, find_films, open_films
from animegan_tf.data.films.spread import spread
from animegan_tf.errors import UserError, WorkFailed
from animegan_tf.video import VideoSource

SIZE = {"width": 320, "height": 180}


@pytest.fixture(scope="module")
def film():
    return some_film(14, seed=1, bars=(16, 16), **SIZE)


@pytest.fixture(scope="module")
def film_file(film, tmp_path_factory):
    return film.write(tmp_path_factory.mktemp("film") / "film.mkv")


@pytest.fixture(scope="module")
def taken(film_file, tmp_path_factory):
    """(summary, folder) of all frames that are fit."""
    folder = tmp_path_factory.mktemp("taken") / "style"
    return take(film_file, folder), folder


@pytest.fixture(scope="module")
def short_file(tmp_path_factory):
    """Two seconds: two scenes."""
    parts = [Part("shot", 24, scene, motion="pan") for scene in (1, 2)]
    return DrawnFilm(parts, 96, 64).write(tmp_path_factory.mktemp("short") / "short.mkv")


def take(paths, folder, **settings):
    settings = FrameSettings(**settings)
    paths = paths if isinstance(paths, list) else [paths]
    return take_frames(open_films(find_films(paths), settings), folder, settings)


def numbers_of(summary):
    """The numbers of the frames that were taken, in a film of constant rate."""
    return [round(frame.time * RATE) for frame in summary.frames]


def share(part, whole):
    return len(set(part) & set(whole)) / len(set(whole))


def test_cuts_and_fades_are_found(film, film_file):
    finder, verdicts = ShotFinder(RATE / 2), []
    with contextlib.closing(VideoSource(film_file)) as source:
        for frame in itertools.islice(source.frames(), 0, None, 2):
            verdicts += finder.add(glance_at(planes_of(frame)))
    verdicts += finder.finish()
    assert len(verdicts) == len(film.labels[::2])

    faded = [number for number, label in enumerate(film.labels[::2]) if label == "fade"]
    near_fades = {number + step for number in faded for step in range(-4, 5)}
    cuts = [-(-number // 2) for number in film.begins[2:]]
    sharp_cuts = [number for number in cuts if number not in near_fades]
    found = [number for number, verdict in enumerate(verdicts) if verdict.begins]
    found_fades = [number for number, verdict in enumerate(verdicts) if verdict.fades]
    assert len(sharp_cuts) >= 7 and len(faded) >= 30
    assert share(found, sharp_cuts) >= 0.95
    assert share([0, *cuts], set(found) - near_fades) >= 0.95
    assert share(found_fades, faded) >= 0.95
    assert share(near_fades, found_fades) >= 0.95


def test_what_is_taken_is_fit_and_every_scene_is_there(film, taken):
    summary, folder = taken
    numbers = numbers_of(summary)
    labels = Counter(film.labels[number] for number in numbers)
    assert labels["clean"] >= 0.95 * len(numbers), labels
    scenes = {film.scenes[n] for n, label in enumerate(film.labels) if label == "clean"}
    assert share([film.scenes[number] for number in numbers], scenes) >= 0.95
    assert sorted(os.listdir(folder)) == sorted(frame.name for frame in summary.frames)


def test_what_is_left_out_is_counted(film, taken):
    summary, _ = taken
    looked_at = Counter(film.labels[::4])
    left_out = summary.left_out
    assert (
        sum(left_out.values()) + len(summary.frames) == summary.looked_at == len(film.labels[::4])
    )
    assert (
        left_out["black"] + left_out["dark"] + left_out["letters"]
        >= looked_at["black"] + looked_at["card"]
    )
    assert left_out["white"] == looked_at["white"]
    assert abs(left_out["subtitles"] - looked_at["subtitles"]) <= 0.1 * looked_at["subtitles"] + 2
    assert "blurred by motion" in summary.reasons()


def test_bars_are_cut_off_in_the_whole_film(film, taken, short_file):
    summary, folder = taken
    (crop,) = summary.crops.values()
    assert all(0 <= side - 16 <= 2 for side in (crop.top, crop.bottom))
    assert (crop.left, crop.right) == (0, 0)
    sizes = {images.read_rgb(path).shape for path in folder.iterdir()}
    assert sizes == {(180 - crop.top - crop.bottom, 320, 3)}
    assert find_bars(short_file, 0, 2) == NOTHING


def test_pillars_are_bars_and_dark_frames_have_no_vote(tmp_path):
    parts = [Part("shot", 24, scene) for scene in range(6)] + [Part("black", 120)]
    film = DrawnFilm(parts, 96, 64)
    upright = film.frames
    film.frames = lambda: (
        np.pad(frame[:, 16:-16], ((0, 0), (16, 16), (0, 0))) for frame in upright()
    )
    crop = find_bars(film.write(tmp_path / "pillars.mkv", options={"g": "12"}), 0, 11)
    assert (crop.top, crop.bottom) == (0, 0)
    assert all(0 <= side - 16 <= 2 for side in (crop.left, crop.right))


def test_a_scene_that_comes_again_is_not_taken_again(short_file, tmp_path):
    parts = [Part("shot", 24, scene) for scene in (1, 2, 3, 1, 2, 3, 4)]
    film = DrawnFilm(parts, 96, 64)
    summary = take(film.write(tmp_path / "again.mkv"), tmp_path / "again")
    assert [film.scenes[number] for number in numbers_of(summary)].count(1) == 1
    assert {film.scenes[number] for number in numbers_of(summary)} == {1, 2, 3, 4}
    once = take(short_file, tmp_path / "once")
    (tmp_path / "copy.mkv").write_bytes(short_file.read_bytes())
    both = take([short_file, tmp_path / "copy.mkv"], tmp_path / "both")
    assert len(both.frames) == len(once.frames)


def test_subtitles_are_avoided_where_the_shot_has_other_frames(tmp_path):
    parts = [
        Part("shot", 30, 1, subtitles=range(16)),
        Part("shot", 30, 2, motion="pan", subtitles=range(14, 30)),
        Part("shot", 30, 3, motion="zoom", subtitles=range(8, 22)),
        Part("shot", 30, 4),
    ]
    film = DrawnFilm(parts, **SIZE)
    summary = take(film.write(tmp_path / "film.mkv"), tmp_path / "style")
    assert {film.labels[number] for number in numbers_of(summary)} == {"clean"}
    assert {film.scenes[number] for number in numbers_of(summary)} == {1, 2, 3, 4}


def test_the_same_frames_are_taken_each_time(film_file, taken, tmp_path):
    again = take(film_file, tmp_path / "again")
    first, folder = taken
    assert [frame.name for frame in again.frames] == [frame.name for frame in first.frames]
    for frame in again.frames:
        assert (tmp_path / "again" / frame.name).read_bytes() == (folder / frame.name).read_bytes()


def test_settings_are_kept(short_file, tmp_path):
    assert len(take(short_file, tmp_path / "a", count=3).frames) == 3
    late = take(short_file, tmp_path / "b", skip_start=1.0)
    assert late.frames and all(frame.time >= 1 for frame in late.frames)
    early = take(short_file, tmp_path / "c", skip_end=1.2, crop_bottom=25)
    assert early.frames and all(frame.time < 0.8 for frame in early.frames)
    assert images.read_rgb(next((tmp_path / "c").iterdir())).shape == (48, 96, 3)
    with pytest.raises(WorkFailed, match=r"not one frame is fit .*--min_brightness"):
        take(short_file, tmp_path / "d", min_brightness=250)
    with pytest.raises(UserError, match="--count=0: out of range"):
        FrameSettings(count=0).check()
    with pytest.raises(UserError, match="nothing of its 2 s is left"):
        take(short_file, tmp_path / "e", skip_end=9)
    assert not (tmp_path / "d").exists() and not (tmp_path / "e").exists()


def test_the_best_of_each_shot_come_first_and_then_all_shots_equally():
    shots, ranks = [1, 1, 1, 2, 2, 3], [0, 1, 2, 1, 2, 0]
    assert spread(shots, ranks, 3, seed=0) == [0, 3, 5]
    assert len(set(spread(shots, ranks, 4, seed=0))) == 4
    assert spread(shots, ranks, 9, seed=0) == list(range(6))
    many = spread(range(1000), [0] * 1000, 10, seed=0)
    assert np.ptp(np.diff(many)) <= 1
    assert many != spread(range(1000), [0] * 1000, 10, seed=1)


def test_nothing_is_overwritten_or_left_behind(short_file, tmp_path, monkeypatch):
    for name in ("style/mine.txt", "other_frames.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    for output in ("style", "other"):
        with pytest.raises(UserError, match="exists already"):
            take(short_file, tmp_path / output)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(films.Chooser, "finish", stop)
    with pytest.raises(KeyboardInterrupt):
        take(short_file, tmp_path / "third")
    assert sorted(os.listdir(tmp_path)) == ["other_frames.txt", "style"]


def test_what_is_no_film_is_named(tmp_path, short_file, monkeypatch):
    (tmp_path / "text.mkv").write_text("no film")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"(?s)missing.mkv: no such.*empty: no films"):
        find_films([tmp_path / "missing.mkv", tmp_path / "empty"])
    with pytest.raises(UserError, match=r"text.mkv: not a video"):
        open_films([tmp_path / "text.mkv", short_file], FrameSettings())
    monkeypatch.setattr(sources, "WHY_NO_AV", "PyAV is missing")
    with pytest.raises(UserError, match=r"PyAV is missing. pip install 'animegan-tf\[video\]'"):
        open_films([short_file], FrameSettings())


def test_command_line(command, short_file, film_file, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "whole.mkv").write_bytes(short_file.read_bytes())
    data = film_file.read_bytes()
    (tmp_path / "clips" / "cut.mkv").write_bytes(data[: len(data) // 3])
    done = command("frames", "clips", "--output=set/style", "--count=4", folder=tmp_path)
    assert done.status == 1, done.stderr
    assert "set/style: 4 frames of" in done.stdout and "left out: " in done.stdout
    assert "failed: clips/cut.mkv: damaged or cut off" in done.stderr
    assert len(os.listdir(tmp_path / "set" / "style")) == 4
    assert sorted(os.listdir(tmp_path / "set")) == ["style", "style_frames.jpg", "style_frames.txt"]
    done = command("frames", "clips", "nothing.mkv", "--count=0", folder=tmp_path)
    assert done.status == 2
    for part in ("nothing.mkv: no such file", "--output: not given", "--count=0: out of range"):
        assert part in done.stderr
