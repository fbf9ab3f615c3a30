"""What infer takes and refuses: inputs, styles, flags that do not apply, names of any kind."""

import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from animegan_tf import images, styles
from animegan_tf.errors import UserError
from animegan_tf.styling.effects import match_color
from animegan_tf.styling.sources import find_sources
from animegan_tf.styling.stylizer import Stylizer

av = pytest.importorskip("av")

CARD = {
    "name": "cel",
    "summary": "A style for tests.",
    "license": "CC0-1.0",
    "attribution": "",
    "data": [],
    "commands": [],
    "steps": "none",
    "figures": {},
    "faults": [],
    "options": {"match_color": True},
}


def photo(height=12, width=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def write_clip(path, count=3):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(photo(16, 32, number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.fixture
def folder(tmp_path):
    """A folder with a photo and a film."""
    images.write_image(tmp_path / "a.png", photo())
    write_clip(tmp_path / "clip.mp4")
    return tmp_path


@pytest.fixture
def infer(command, generator_file, folder):
    """Runs infer in that folder with a tiny generator."""
    return lambda *arguments, **options: command(
        "infer", f"--model={generator_file}", *arguments, folder=folder, **options
    )


@pytest.fixture
def shipped(tmp_path, monkeypatch, generator_file):
    """Has the tiny generator come with the project, as the style cel."""
    monkeypatch.setattr(styles, "FOLDER", tmp_path / "shipped")
    (tmp_path / "shipped/cel").mkdir(parents=True)
    (tmp_path / "shipped/cel/card.json").write_text(json.dumps(CARD))
    shutil.copy(generator_file, tmp_path / "shipped/cel/generator.keras")


# Styles


def test_without_a_model_the_style_that_comes_with_the_project_is_taken(command, shipped, folder):
    done = command("infer", "a.png", folder=folder)
    assert done.status == 0, done.stderr
    assert "style cel, which comes with the project" in done.stderr
    stylizer = Stylizer.load(styles.path_of("cel"))
    expected = stylizer(photo(), match_color=True)  # As its card says.
    np.testing.assert_array_equal(images.read_rgb(folder / "a_anime.png"), expected)
    done = command("infer", "a.png", "--style=Cel", "--nomatch_color", "--suffix=_2", folder=folder)
    np.testing.assert_array_equal(images.read_rgb(folder / "a_2.png"), stylizer(photo()))


def test_a_style_trained_here_wins_over_one_that_comes_with_the_project(
    command, shipped, folder, generator_file
):
    (folder / "runs/cel/1").mkdir(parents=True)
    shutil.copy(generator_file, folder / "runs/cel/1/generator.keras")
    done = command("infer", "a.png", "--style=cel", folder=folder)
    assert done.status == 0, done.stderr
    assert "style cel, trained here: runs/cel/1 (not the style of this name" in done.stderr


def test_the_style_demo_is_what_the_demo_has_trained(command, folder, generator_file):
    (folder / "demo/run").mkdir(parents=True)
    shutil.copy(generator_file, folder / "demo/run/generator.keras")
    done = command("infer", "a.png", "--style=demo", folder=folder)
    assert done.status == 0, done.stderr
    assert "style demo, trained here: demo/run" in done.stderr


def test_where_no_style_comes_with_the_project_one_is_asked_for(command, folder, monkeypatch):
    monkeypatch.setattr(styles, "FOLDER", folder / "nothing")
    done = command("infer", "a.png", folder=folder)
    assert done.status == 2 and "exactly one of them is needed" in done.stderr


def test_the_stylizer_takes_styles_by_name(shipped, folder, monkeypatch):
    monkeypatch.chdir(folder)
    by_name, by_path = Stylizer.load("cel"), Stylizer.load(styles.path_of("cel"))
    np.testing.assert_array_equal(by_name(photo()), by_path(photo()))
    with pytest.raises(UserError, match="hayao: no such file or folder"):
        Stylizer.load("hayao")


def test_the_folder_of_an_export_is_a_model(command, folder):
    module = tf.Module()
    spec = tf.TensorSpec((None, None, None, 3), tf.float32, "photo")
    negative = tf.function(lambda photo: {"anime": -photo}, [spec])
    tf.saved_model.save(module, str(folder / "exports/demo/savedmodel/1"), signatures=negative)
    done = command("infer", "--model=exports/demo", "a.png", folder=folder)
    assert done.status == 0, done.stderr
    result = images.read_rgb(folder / "a_anime.png").astype(int)
    assert np.abs(result - (255 - photo().astype(int))).max() <= 1


# Films in folders


def test_films_in_folders_are_styled_too(infer, folder):
    (folder / "clips/sub").mkdir(parents=True)
    write_clip(folder / "clips/sub/b.MKV")
    (folder / "clips/module.ts").write_text("export const notAFilm = 1")
    shutil.copy(folder / "a.png", folder / "clips/a.png")
    done = infer("clips", "--output=out")
    assert done.status == 1
    assert sorted(str(p.relative_to(folder)) for p in (folder / "out").rglob("*.*")) == [
        "out/a.png",
        "out/sub/b.MKV",
    ]
    assert "failed: clips/module.ts: not a video" in done.stderr
    assert "1 of 1 pictures done" in done.stderr and "b.MKV: 3 frames" in done.stderr


def test_many_existing_results_are_one_line_that_names_resume(infer, folder):
    for number in range(30):
        shutil.copy(folder / "a.png", folder / f"b{number:02}.png")
    assert infer(".", "--output=out").status == 0
    done = infer(".", "--output=out")
    assert done.status == 2
    (line,) = done.stderr.splitlines()
    assert "out/a.png: exists already, and so do 31 other results. Give --resume" in line


# Flags that do not apply


@pytest.mark.parametrize(
    "arguments, flag, reason",
    [
        (["a.png", "--codec=h264"], "--codec", "it is for videos, and there are none"),
        (["a.png", "--temporal"], "--temporal", "it is for videos"),
        (["a.png", "--nosound"], "--sound", "it is for videos"),
        (["clip.mp4", "--quality=80"], "--quality", "it is for pictures, and there are none"),
        (["clip.mp4", "--format=png"], "--format", "it is for pictures"),
        (["clip.mp4", "--norecursive"], "--recursive", "it is for folders, and none is given"),
        (["a.png", "--output=b.jpg", "--format=png"], "--format=png", "b.jpg is a file's whole"),
        (["a.png", "--output=b.jpg", "--suffix=x"], "--suffix=x", "b.jpg is a file's whole name"),
        (["a.png", "--output=b.mp4"], "--output=b.mp4", "a picture can't be written to such"),
        (["clip.mp4", "--output=b.jpg"], "--output=b.jpg", "a video can't be written to such"),
        (["--webcam=0", "--overwrite"], "--overwrite", "it is for files, and --webcam shows"),
    ],
)
def test_flags_that_would_do_nothing_are_refused(infer, folder, arguments, flag, reason):
    before = sorted(os.listdir(folder))
    done = infer(*arguments)
    assert done.status == 2
    assert any(
        line.startswith(f"error: {flag}: ") and reason in line for line in done.stderr.splitlines()
    ), done.stderr
    assert sorted(os.listdir(folder)) == before


def test_flags_for_one_kind_are_fine_where_there_are_both(infer):
    done = infer("a.png", "clip.mp4", "--quality=80", "--crf=30", "--output=out")
    assert done.status == 0, done.stderr


# Inputs that are no files


def test_standard_input_that_is_a_terminal_is_not_waited_for(monkeypatch):
    leader, follower = os.openpty()
    with open(follower) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        (finding,) = find_sources(["-"]).findings
    os.close(leader)
    assert finding.reason == "nothing is piped into standard input, it is the terminal"


def test_a_disk_far_too_small_for_the_results_is_said_before_work(infer, folder, monkeypatch):
    usage = shutil.disk_usage(folder)._replace(free=1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    done = infer("a.png", "clip.mp4", "--output=small")
    assert done.status == 2
    assert "--output=small: 0 MB are free, and the results need" in done.stderr
    assert not (folder / "small").exists()


def test_pipes_and_devices_are_not_waited_for(infer, folder):
    (folder / "in").mkdir()
    os.mkfifo(folder / "in/pipe.png")
    os.mkfifo(folder / "in/pipe.mp4")
    os.symlink("/dev/zero", folder / "in/zero.jpg")
    shutil.copy(folder / "a.png", folder / "in/z.png")
    done = infer("in", "--output=out")
    assert done.status == 1
    assert os.listdir(folder / "out") == ["z.png"]
    for name in ("pipe.png", "pipe.mp4", "zero.jpg"):
        assert f"failed: in/{name}: " in done.stderr
    done = infer("in/pipe.png")
    assert done.status == 2 and "in/pipe.png: is a pipe or a device" in done.stderr


# Names


def test_names_of_any_kind_are_done_and_printed_escaped(infer, folder):
    names = [
        b"two\nlines.png",
        b"\x1b[31m.png",
        b"caf\xe9.png",
        b"-dash.png",
        "a\u202eb.png".encode(),
    ]
    (folder / "in").mkdir()
    for name in names:
        shutil.copy(folder / "a.png", os.fsencode(folder / "in") + b"/" + name)
        shutil.copy(folder / "a.png", os.fsencode(folder / "in") + b"/" + name + b".jpg")
        with open(os.fsencode(folder / "in") + b"/" + name + b".jpg", "wb") as file:
            file.write(b"not a picture")
    done = infer("in", "--output=out")
    assert done.status == 1
    assert sorted(os.listdir(os.fsencode(folder / "out"))) == sorted(names)
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == len(names)
    for shown in ("two\\nlines.png", "\\x1b[31m.png", "caf\\xe9.png", "-dash.png", "a\\u202eb.png"):
        assert any(f"in/{shown}.jpg: not a picture" in line for line in failed), failed


# Color


def chroma(rgb):
    return np.asarray(Image.fromarray(rgb).convert("YCbCr"))[..., 1:].mean(axis=(0, 1))


def test_matching_color_moves_the_mean_chroma_and_nothing_else():
    cold = (128 + (photo(40, 40).astype(float) - 128) / 5 + (-30, 0, 40)).astype(np.uint8)
    warm = (128 + (photo(40, 40, 1).astype(float) - 128) / 5 + (40, 0, -30)).astype(np.uint8)
    result = match_color(warm, cold)
    assert np.abs(chroma(result) - chroma(warm)).max() < 1
    luma = [np.asarray(Image.fromarray(rgb).convert("L"), int) for rgb in (cold, result)]
    assert np.abs(luma[0] - luma[1]).max() <= 2
    differences = [np.diff(rgb.astype(int), axis=1) for rgb in (cold, result)]
    assert np.abs(differences[0] - differences[1]).max() <= 6


def test_match_color_gives_the_photos_mean_chroma(infer, folder):
    warm = np.clip(photo(40, 40).astype(float) * (0.9, 0.6, 0.35) + 20, 0, 255).astype(np.uint8)
    images.write_image(folder / "warm.png", warm)
    assert infer("warm.png", "--suffix=_plain").status == 0
    assert infer("warm.png", "--match_color").status == 0
    plain, matched = (
        images.read_rgb(folder / f"warm_{suffix}.png") for suffix in ("plain", "anime")
    )
    np.testing.assert_array_equal(matched, match_color(warm, plain))

    def error(rgb):
        return np.abs(chroma(rgb) - chroma(warm)).max()

    assert error(matched) < error(plain) / 2
