"""Pictures that are too large, too long, or wanted by two; disks that are full."""

import os
import struct
import threading
import tracemalloc
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from animegan_tf import images
from animegan_tf.networks.generator import build_generator
from animegan_tf.styling.options import DEFAULTS, Options
from animegan_tf.styling.pictures import stylize_files
from animegan_tf.styling.plan import plan_jobs
from animegan_tf.styling.stylizer import OWN_MEMORY, Stylizer


@pytest.fixture(scope="module")
def stylizer():
    tf.keras.utils.set_random_seed(5)
    return Stylizer(build_generator(4), memory_limit=1e12)


@pytest.fixture(autouse=True)
def in_own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def photo(height=12, width=16, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def style(stylizer, *inputs, options=DEFAULTS, **where):
    return stylize_files(stylizer, plan_jobs(inputs, **where).pictures, options)


def write_black_png(path, width, height):
    """A huge picture in a small file."""

    def chunk(kind, data):
        content = kind + data
        return struct.pack(">I", len(data)) + content + struct.pack(">I", zlib.crc32(content))

    packer = zlib.compressobj(9)
    row = bytes(1 + width // 8)
    rows = b"".join(packer.compress(row * 1000) for _ in range(height // 1000)) + packer.flush()
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)))
        file.write(chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def test_a_picture_beyond_the_memory_limit_is_refused_with_both_numbers(generator_file):
    write_black_png("bomb.png", 20_000, 20_000)
    assert os.path.getsize("bomb.png") < 200_000
    images.write_image("z.png", photo())
    tracemalloc.start()
    try:
        limited = Stylizer.load(generator_file, memory_limit=2e9)
        (failure,) = style(limited, "bomb.png", "z.png", output="out")
        assert tracemalloc.get_traced_memory()[1] < 1e8
    finally:
        tracemalloc.stop()
    assert failure.where == "bomb.png"
    assert "20000x20000 pixels takes" in failure.reason and "limit is 1.30 GB" in failure.reason
    assert "--max_side" in failure.remedy
    assert os.listdir("out") == ["z.png"]


def test_a_large_jpeg_is_decoded_at_a_reduced_scale_where_max_side_allows(generator_file):
    images.write_image("a.jpg", images.resize(photo(8, 8), 1200, 1600), quality=80)
    limited = Stylizer.load(generator_file, memory_limit=OWN_MEMORY + 20e6)
    (failure,) = style(limited, "a.jpg")
    assert "1600x1200 pixels takes" in failure.reason
    assert style(limited, "a.jpg", options=Options(max_side=300)) == []
    assert images.read_rgb("a_anime.jpg").shape == (225, 300, 3)


def test_animations_are_done_frame_by_frame(stylizer):
    """However long they are, few frames are in memory, and each is heard of."""
    peaks, heard = [], []
    for count in (10, 60):
        heard.clear()
        frames = [photo(60, 80, seed=seed) // 32 * 32 for seed in range(count)]
        images.write_gif("a.gif", frames, 40)
        size = frames[0].nbytes
        del frames
        tracemalloc.start()
        try:
            jobs = plan_jobs(["a.gif"], overwrite=True).pictures
            failures = stylize_files(
                stylizer, jobs, on_frames=lambda job, done, total: heard.append((done, total))
            )
            assert failures == []
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert heard == [(1, count)] * count
        assert len(images.read_frames("a_anime.gif")[0]) == count
    assert peaks[1] < peaks[0] + 10 * size + 2 * os.path.getsize("a.gif")


def test_transparent_frames_do_not_show_through_each_other(stylizer):
    frames = [photo(16, 20, 4, seed) for seed in range(3)]
    for number, frame in enumerate(frames):
        frame[..., 3] = 0
        frame[:, 5 * number : 5 * number + 5, 3] = 255
    images.write_gif("a.gif", frames, [50, 100, 150], 2)
    assert style(stylizer, "a.gif", options=Options(compare=True)) == []
    results, durations, loop = images.read_frames("a_anime.gif")
    assert (durations, loop) == ([50, 100, 150], 2)
    for frame, result in zip(frames, results):
        assert result.shape == (16, 40, 4)
        np.testing.assert_array_equal(result[:, :20, 3], frame[..., 3])
        np.testing.assert_array_equal(result[:, 20:, 3], frame[..., 3])


def test_equal_frames_become_one_that_is_shown_for_the_sum_of_their_times(stylizer):
    first, second = photo(16, 20) // 64 * 64, photo(16, 20, seed=1) // 64 * 64
    pages = [first, first, second]
    pictures = [Image.fromarray(page) for page in pages]
    pictures[0].save(
        "a.webp", save_all=True, append_images=pictures[1:], duration=[40, 60, 80], lossless=True
    )
    assert style(stylizer, "a.webp", format="gif") == []
    _, durations, _ = images.read_frames("a_anime.gif")
    assert durations == [100, 80]


def test_a_damaged_animation_leaves_nothing(stylizer):
    images.write_gif("a.gif", [photo(60, 80, seed=seed) for seed in range(9)], 40)
    os.truncate("a.gif", os.path.getsize("a.gif") // 2)
    failures = style(stylizer, "a.gif")
    assert [failure.where for failure in failures] == ["a.gif"]
    assert os.listdir(".") == ["a.gif"]


def test_a_result_that_another_program_has_written_meanwhile_is_kept(stylizer):
    images.write_image("a.png", photo())
    images.write_image("b.png", photo(seed=1))
    jobs = plan_jobs(["a.png", "b.png"]).pictures
    with open("a_anime.png", "w") as file:
        file.write("theirs")
    (failure,) = stylize_files(stylizer, jobs)
    assert failure.where == "a.png" and "another program has written its result" in failure.reason
    with open("a_anime.png") as file:
        assert file.read() == "theirs"
    np.testing.assert_array_equal(images.read_rgb("b_anime.png"), stylizer(photo(seed=1)))
    jobs = plan_jobs(["a.png"], overwrite=True).pictures
    assert stylize_files(stylizer, jobs) == []


def test_two_in_one_folder_make_every_result_once_and_whole(stylizer):
    for number in range(12):
        images.write_image(f"{number:02}.png", photo(seed=number))
    jobs = plan_jobs(["."], output="out").pictures
    failures = []
    workers = [
        threading.Thread(target=lambda: failures.extend(stylize_files(stylizer, jobs)))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(failures) == 12, "each result is written by one of them"
    assert all("another program" in failure.reason for failure in failures)
    assert sorted(os.listdir("out")) == [f"{number:02}.png" for number in range(12)]
    for number in range(12):
        result = images.read_rgb(f"out/{number:02}.png")
        np.testing.assert_array_equal(result, stylizer(photo(seed=number)))


def test_a_folder_that_becomes_read_only_is_one_line_each(stylizer):
    for name in ("a.png", "b.png"):
        images.write_image(name, photo())
    jobs = plan_jobs(["a.png", "b.png"], output="out").pictures
    with open("out", "w") as file:  # Nobody, not even root, can write a file below a file.
        file.write("in the way")
    failures = stylize_files(stylizer, jobs)
    assert [failure.where for failure in failures] == ["a.png", "b.png"]
    assert all("the result can't be written (" in failure.reason for failure in failures)
