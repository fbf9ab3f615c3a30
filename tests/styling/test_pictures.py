"""Many pictures: which are found, where results go, and what becomes of bad ones."""

import io
import os
import resource
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageCms

from animegan_tf import images
from animegan_tf.errors import UserError
from animegan_tf.networks.generator import build_generator
from animegan_tf.styling.jobs import Job, parse_shard
from animegan_tf.styling.options import DEFAULTS, Options
from animegan_tf.styling.pictures import stylize_files
from animegan_tf.styling.plan import plan_jobs
from animegan_tf.styling.stylizer import Stylizer


@pytest.fixture(scope="module")
def stylizer():
    tf.keras.utils.set_random_seed(5)
    return Stylizer(build_generator(8), memory_limit=1e12)


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def photo(height=12, width=16, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def save(path, array=None, **options):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    Image.fromarray(photo() if array is None else array).save(path, **options)
    return path


def touch(*paths):
    for path in paths:
        save(path)


def plan(*inputs, **options):
    return {str(job.source): str(job.target) for job in plan_jobs(inputs, **options).pictures}


def findings(*inputs, **options):
    with pytest.raises(UserError) as raised:
        plan_jobs(inputs, **options)
    return list(map(str, raised.value.findings))


def style(stylizer, *inputs, batch_size=1, options=DEFAULTS, **where):
    return stylize_files(
        stylizer, plan_jobs(inputs, **where).pictures, options, batch_size=batch_size
    )


# Where results go


def test_results_stand_beside_their_sources():
    touch("a.jpg", "b.PNG", "c.gif", "d.ppm")
    assert plan("a.jpg", "b.PNG", "c.gif", "d.ppm") == {
        "a.jpg": "a_anime.jpg",
        "b.PNG": "b_anime.PNG",
        "c.gif": "c_anime.gif",
        "d.ppm": "d_anime.png",
    }
    assert plan("a.jpg", suffix=".hayao", format="webp") == {"a.jpg": "a.hayao.webp"}


def test_folders_keep_their_structure():
    touch("in/a.jpg", "in/x/a.jpg", "in/x/y/ü.png", "in/.hidden.jpg")
    open("in/notes.txt", "w").close()
    assert plan("in", output="out") == {
        "in/a.jpg": "out/a.jpg",
        "in/x/a.jpg": "out/x/a.jpg",
        "in/x/y/ü.png": "out/x/y/ü.png",
    }
    assert plan("in", output="out", recursive=False) == {"in/a.jpg": "out/a.jpg"}


def test_patterns_and_files_mix():
    touch("in/a.jpg", "in/b.jpg", "in/c.png", "d.jpg")
    assert plan("in/*.jpg", "d.jpg", "in/a.jpg", output="out") == {
        "in/a.jpg": "out/a.jpg",
        "in/b.jpg": "out/b.jpg",
        "d.jpg": "out/d.jpg",
    }
    assert len(plan("**/*.jpg", output="out")) == 3


def test_brackets_in_a_name_are_no_pattern():
    touch("a[1].jpg")
    assert plan("a[1].jpg") == {"a[1].jpg": "a[1]_anime.jpg"}


def test_output_may_be_a_file_for_one_picture():
    touch("a.jpg", "b.jpg")
    assert plan("a.jpg", output="styled.png") == {"a.jpg": "styled.png"}
    assert plan("a.jpg", output="folder.png/") == {"a.jpg": "folder.png/a.jpg"}
    assert "one file for 2 pictures" in findings("a.jpg", "b.jpg", output="styled.png")[0]


def test_streams():
    touch("a.jpg")
    assert plan_jobs(["-"]).pictures == [Job(None, None)]
    assert plan("a.jpg", output="-") == {"a.jpg": "None"}
    assert plan("-", output="b.png") == {"None": "b.png"}
    assert "has no name" in findings("-", output="out/")[0]


def test_results_of_an_earlier_call_are_no_sources():
    touch("in/a.jpg", "in/a_anime.jpg", "in/out/a.jpg")
    assert plan("in", overwrite=True, recursive=False) == {"in/a.jpg": "in/a_anime.jpg"}
    assert plan("in", output="in/out", overwrite=True) == {
        "in/a.jpg": "in/out/a.jpg",
        "in/a_anime.jpg": "in/out/a_anime.jpg",
    }


def test_everything_wrong_is_found_at_once():
    touch("a.jpg")
    os.mkdir("empty")
    found = findings("a.jpg", "none.jpg", "*.webp", "empty", output=".")
    assert len(found) == 4
    for part, finding in zip(
        [
            "none.jpg: no such file",
            "*.webp: no file matches",
            "empty: no pictures or videos in this folder",
            "never overwritten",
        ],
        found,
    ):
        assert part in finding
    assert "nothing is given" in findings()[0]


def test_a_source_is_never_overwritten():
    touch("a.jpg", "out/b.jpg")
    os.symlink("../a.jpg", "out/a.jpg")
    os.link("a.jpg", "hard.jpg")
    for options in [
        dict(output="."),
        dict(output="a.jpg"),
        dict(suffix=""),
        dict(output="out"),
        dict(output="hard.jpg"),
    ]:
        assert "never overwritten" in findings("a.jpg", overwrite=True, **options)[0]


def test_one_result_for_two_sources_is_an_error():
    touch("x/a.jpg", "y/a.jpg", "y/a.png")
    assert "and of y/a.jpg" in findings("x/a.jpg", "y/a.jpg", output="out")[0]
    assert "and of y/a.png" in findings("y", output="out", format="png")[0]


def test_an_existing_result_is_kept_unless_told_otherwise():
    touch("a.jpg", "a_anime.jpg")
    assert "exists already" in findings("a.jpg")[0]
    assert plan("a.jpg", overwrite=True) == {"a.jpg": "a_anime.jpg"}


def test_places_that_cannot_be_written_are_found_before_work():
    touch("a.jpg")
    open("file", "w").close()
    assert "can't be written here" in findings("a.jpg", output="file/out")[0]
    os.mkdir("locked")
    os.chmod("locked", 0o500)
    root = os.geteuid() == 0
    if root:  # Nothing is locked for root.
        os.chmod(".", 0o755)
        os.chmod("..", 0o755)
        os.seteuid(65534)
    try:
        assert "Permission denied" in findings("a.jpg", output="locked")[0]
    finally:
        if root:
            os.seteuid(0)


# Shards


def test_shards_share_all_pictures_out():
    touch("in/b/1.jpg", "in/a/2.jpg", "in/a.jpg", "in/c.png", "in/d.png", "extra/b.jpg")
    whole = plan("in", "extra", output="out")
    parts = [plan("in", "extra", output="out", shard=parse_shard(f"{i}/4")) for i in (1, 2, 3, 4)]
    assert [len(part) for part in parts] == [2, 2, 1, 1]
    assert {source: target for part in parts for source, target in part.items()} == whole
    assert list(parts[0]) == ["in/a.jpg", "in/c.png"], "the 1st and the 5th by path"
    assert plan("in", output="out", shard=parse_shard("9/9")) == {}


def test_a_shard_is_the_same_after_others_have_begun():
    touch("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    expected = plan("*.jpg", shard=parse_shard("2/2"))
    touch("a_anime.jpg", "c_anime.jpg")  # Results of the first shard.
    assert (
        plan("*.jpg", shard=parse_shard("2/2"))
        == expected
        == {"b.jpg": "b_anime.jpg", "d.jpg": "d_anime.jpg"}
    )
    touch("b_anime.jpg")
    assert "b_anime.jpg: exists already" in findings("*.jpg", shard=parse_shard("2/2"))[0]


def test_no_shard_overwrites_the_source_of_another():
    touch("a.jpg", "a.png")
    assert (
        "this is a source"
        in findings(
            "a.jpg", "a.png", suffix="", format="png", overwrite=True, shard=parse_shard("1/2")
        )[0]
    )


@pytest.mark.parametrize("text", ["0/4", "5/4", "3", "1/0", "a/b", "-1/4", "1/4/2", ""])
def test_what_is_no_shard(text):
    with pytest.raises(UserError, match="is not a part of the whole"):
        parse_shard(text)


def test_streams_have_no_shards():
    assert "can't be shared out" in findings("-", output="out.png", shard=parse_shard("1/2"))[0]


# What is done to them


def test_results_are_the_stylizers(stylizer):
    touch("in/a.png", "in/x/b.png")
    assert style(stylizer, "in", output="out") == []
    for name in ("a.png", "x/b.png"):
        np.testing.assert_array_equal(images.read_rgb(f"out/{name}"), stylizer(photo()))


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_batches_of_mixed_sizes(stylizer, batch_size):
    sizes = [(8, 12), (12, 8), (8, 12), (9, 9), (8, 12), (12, 8), (10, 10), (11, 11), (7, 7)]
    for number, size in enumerate(sizes):
        save(f"in/{number}.png", photo(*size, seed=number))
    assert style(stylizer, "in", output="out", batch_size=batch_size) == []
    for number, size in enumerate(sizes):
        difference = images.read_rgb(f"out/{number}.png").astype(int) - stylizer(
            photo(*size, seed=number)
        )
        assert np.abs(difference).max() <= 1


def test_compare_and_max_side(stylizer):
    rgba = photo(30, 60, 4)
    save("a.png", rgba)
    assert style(stylizer, "a.png", options=Options(compare=True, max_side=20)) == []
    result = images.read_image("a_anime.png")
    reduced = images.rescale(rgba, 10, 20)
    np.testing.assert_array_equal(result.rgb[:, :20], reduced[..., :3])
    np.testing.assert_array_equal(
        result.rgb[:, 20:], stylizer(np.ascontiguousarray(reduced[..., :3]))
    )
    np.testing.assert_array_equal(result.alpha, np.tile(reduced[..., 3], 2))


def test_effects_reach_the_stylizer(stylizer):
    save("a.png")
    options = Options(strength=0.5, keep_color=True, match_brightness=True)
    assert style(stylizer, "a.png", options=options) == []
    np.testing.assert_array_equal(
        images.read_rgb("a_anime.png"),
        stylizer(photo(), strength=0.5, keep_color=True, match_brightness=True),
    )


def test_alpha_profile_and_rotation_are_kept(stylizer):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    save("a.png", photo(12, 16, 4), icc_profile=profile)
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by 90 degrees.
    save("b.jpg", photo(12, 16), exif=exif)
    assert style(stylizer, "a.png", "b.jpg") == []
    result = images.read_image("a_anime.png")
    np.testing.assert_array_equal(result.alpha, photo(12, 16, 4)[..., 3])
    assert result.icc_profile == profile
    with Image.open("b_anime.jpg") as turned:
        assert turned.size == (12, 16)
        assert turned.getexif().get(0x0112, 1) == 1


def test_quality(stylizer):
    save("a.jpg", photo(64, 64))
    for quality in (10, 95):
        assert (
            style(stylizer, "a.jpg", output=f"{quality}.jpg", options=Options(quality=quality))
            == []
        )
    assert os.path.getsize("10.jpg") < os.path.getsize("95.jpg") / 2


def test_animations_stay_animations(stylizer):
    frames = [photo(16, 20, seed=seed) // 64 * 64 for seed in range(3)]
    images.write_gif("a.gif", frames, [50, 100, 150], 0)
    pictures = [Image.fromarray(frame) for frame in frames]
    pictures[0].save("b.webp", save_all=True, append_images=pictures[1:], lossless=True)
    shown, _, _ = images.read_frames("a.gif")
    assert style(stylizer, "a.gif") == []
    result, durations, loop = images.read_frames("a_anime.gif")
    assert (len(result), durations, loop) == (3, [50, 100, 150], 0)
    for before, after in zip(shown, result):
        # 256 colors for a frame can't be exact, but tell it from the others.
        assert np.abs(after[..., :3].astype(int) - stylizer(before[..., :3])).mean() < 12

    (failure,) = style(stylizer, "b.webp")
    assert "an animation of 3 frames; give --format=gif" in failure.reason
    assert style(stylizer, "b.webp", format="gif") == []
    assert len(images.read_frames("b_anime.gif")[0]) == 3


@pytest.mark.parametrize(
    "name, array, mode",
    [
        ("one.png", photo(1, 1), None),
        ("long.png", photo(5, 20000), None),
        ("gray.png", photo()[..., 0], None),
        ("cmyk.jpg", photo(12, 16, 4), "CMYK"),
        ("sixteen.png", photo()[..., 0].astype(np.uint16) * 257, None),
        ("palette.gif", photo()[..., 0], None),
    ],
)
def test_unusual_pictures(stylizer, name, array, mode):
    picture = Image.fromarray(array)
    if mode:
        picture = Image.frombytes(mode, (16, 12), array.tobytes())
    picture.save(name)
    assert style(stylizer, name, output="out") == []
    with Image.open(f"out/{name}") as result:
        assert result.size == picture.size


def test_bad_files_do_not_stop_the_others(stylizer):
    touch("in/a.jpg", "in/z.jpg")
    save("in/cut.jpg", photo(200, 200))
    os.truncate("in/cut.jpg", os.path.getsize("in/cut.jpg") // 2)
    for name, data in [("text.jpg", b"not a picture"), ("void.png", b"")]:
        with open(f"in/{name}", "wb") as file:
            file.write(data)
    before = {path.name: path.read_bytes() for path in Path("in").iterdir()}
    done = []
    failures = stylize_files(
        stylizer,
        plan_jobs(["in"], output="out").pictures,
        batch_size=2,
        on_done=lambda job, finding: done.append(job),
    )
    assert sorted(os.listdir("out")) == ["a.jpg", "z.jpg"]
    assert len(done) == 5
    assert {failure.where: failure.reason for failure in failures} == {
        "in/cut.jpg": "truncated file",
        "in/text.jpg": "not a picture in a known format",
        "in/void.png": "empty file",
    }
    assert before == {path.name: path.read_bytes() for path in Path("in").iterdir()}


def test_a_picture_that_vanishes_is_reported(stylizer):
    touch("a.jpg", "b.jpg")
    jobs = plan_jobs(["a.jpg", "b.jpg"]).pictures
    os.remove("a.jpg")
    (failure,) = stylize_files(stylizer, jobs)
    assert failure.where == "a.jpg" and "No such file" in failure.reason


def test_a_disk_that_fills_up_leaves_no_half_file(stylizer):
    save("a.png", photo(100, 100))
    save("b.png", photo(8, 8))
    shutil.copy("b.png", "a_anime.png")
    jobs = plan_jobs(["a.png", "b.png"], overwrite=True).pictures
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        (failure,) = stylize_files(stylizer, jobs)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert failure.where == "a.png" and "can't be written (File too large)" in failure.reason
    assert sorted(os.listdir(".")) == ["a.png", "a_anime.png", "b.png", "b_anime.png"]
    np.testing.assert_array_equal(images.read_rgb("a_anime.png"), photo(8, 8))
    np.testing.assert_array_equal(images.read_rgb("b_anime.png"), stylizer(photo(8, 8)))


def test_too_large_for_the_format_is_reported(stylizer):
    save("a.png", photo(1, 17000))
    (failure,) = style(stylizer, "a.png", format="webp")
    assert "WEBP ends at 16383 a side" in failure.reason


def test_standard_streams(stylizer, monkeypatch):
    class Stream:
        def __init__(self, data=b""):
            self.buffer = io.BytesIO(data)

        def isatty(self):
            return False

    encoded = io.BytesIO()
    Image.fromarray(photo()).save(encoded, "PNG")
    for format, expected in [("png", "PNG"), ("jpg", "JPEG"), ("gif", "GIF")]:
        monkeypatch.setattr("sys.stdin", Stream(encoded.getvalue()))
        monkeypatch.setattr("sys.stdout", Stream())
        assert style(stylizer, "-", options=Options(stream_format=format)) == []
        with Image.open(io.BytesIO(sys.stdout.buffer.getvalue())) as result:
            assert (result.format, result.size) == (expected, (16, 12))
