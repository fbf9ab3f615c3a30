"""Pictures that want more than they may take, and files that are none."""

import io
import os
import socket
import threading
import tracemalloc

import numpy as np
import pytest
from bombs import jpeg_of_scans, png_claiming
from PIL import Image as PillowImage

from animegan_tf.images import (
    ImageError,
    Limits,
    PictureFile,
    TooLargeError,
    encode_image,
    gray_of,
    list_folder,
    read_bytes,
    read_frames,
    read_gray,
    read_image,
    read_rgb,
    read_rgb_and_gray,
    read_stream,
    resize,
    write_gif,
    write_image,
)
from animegan_tf.images.scans import count_scans
from animegan_tf.memory import MemoryBudget, return_freed_memory


def picture(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return resize(rng.integers(0, 256, (6, 8, 3), np.uint8), height, width)


def test_only_regular_files_are_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "tty.png").symlink_to("/dev/tty")
    (tmp_path / "folder.png").mkdir()
    monkeypatch.chdir(tmp_path)  # A socket's path has to be short.
    kinds = {
        "pipe.png": "a pipe",
        "zero.png": "a device or terminal",
        "tty.png": "a device or terminal",
        "folder.png": "a directory",
        "socket.png": "a socket",
    }
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket.png")
        for name, kind in kinds.items():
            for read in (read_bytes, read_image, read_rgb_and_gray, read_frames):
                with pytest.raises(ImageError) as error:
                    read(name)
                assert error.value.reason == f"not a regular file ({kind})"


def test_a_link_to_a_picture_is_read(tmp_path):
    write_image(tmp_path / "a.png", picture(8, 8))
    (tmp_path / "b.png").symlink_to("a.png")
    np.testing.assert_array_equal(read_rgb(tmp_path / "b.png"), picture(8, 8))


def test_large_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "sparse.png"
    with open(path, "wb") as file:
        file.truncate(5_000_000_000)
    with pytest.raises(TooLargeError, match=r"5\.00 GB; the limit is 4\.00 GB"):
        read_bytes(path, max_memory=1e12)
    with pytest.raises(TooLargeError, match=r"5\.00 GB; the limit is 0\.10 GB"):
        read_image(path, Limits(max_memory=1e8))


def test_standard_input_may_be_a_pipe_or_a_file_but_no_device_and_not_endless(tmp_path):
    data = encode_image(picture(8, 8), "PNG")
    assert read_stream(io.BytesIO(data)) == data
    reading, writing = os.pipe()
    with open(writing, "wb") as file:
        file.write(data)
    with open(reading, "rb") as file:
        assert read_stream(file) == data
    (tmp_path / "a.png").write_bytes(data)
    with open(tmp_path / "a.png", "rb") as file:
        assert read_stream(file) == data
    with open("/dev/zero", "rb") as file, pytest.raises(ImageError, match="standard input: not a"):
        read_stream(file)
    with pytest.raises(TooLargeError, match=r"more than 0\.00 GB"):
        read_stream(io.BytesIO(data), max_bytes=len(data) - 1)


@pytest.mark.parametrize("read", [read_image, read_rgb, read_gray, read_rgb_and_gray, read_frames])
def test_a_picture_takes_no_more_than_the_memory_limit(read):
    data = png_claiming(20_000, 10_000)
    with pytest.raises(TooLargeError) as error:
        read(data, Limits(max_memory=2e8))
    assert error.value.reason == (
        "decoding its 20000x10000 pixels takes 1.20 GB of memory; the limit is 0.20 GB"
    )
    assert read(encode_image(picture(100, 100), "PNG"), Limits(max_memory=2e8)) is not None


@pytest.mark.parametrize("height, width", [(3000, 3000), (400_000, 20)])
def test_a_picture_keeps_within_the_memory_that_it_declares(height, width):
    """NumPy's part of it, which can be traced: strips, no copies of the whole.

    The fuzzer found that the gray of a picture took as much as seven of its copies.
    """
    whole = picture(height, width)
    file = PictureFile(encode_image(whole, "BMP"))
    tracemalloc.start()
    rgb, gray = file.rgb_and_gray()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    strip = 4_000_000 * 7
    assert peak < rgb.nbytes + gray.nbytes + strip
    assert file.memory > rgb.nbytes + 4 * height * width
    np.testing.assert_array_equal(rgb, whole)
    np.testing.assert_array_equal(gray, gray_of(whole))


def test_a_large_jpeg_is_decoded_at_reduced_scale_where_it_is_scaled_down_anyway():
    whole = picture(400, 640)
    data = encode_image(whole, "JPEG")
    limits = Limits(max_pixels=400 * 640 - 1, at_least=100)
    half = read_rgb(data, limits)
    assert half.shape == (200, 320, 3)
    assert np.abs(half.astype(int) - whole[::2, ::2]).mean() < 8
    assert read_gray(data, limits).shape == (200, 320)
    rgb, gray = read_rgb_and_gray(data, limits)
    assert (rgb.shape, gray.shape) == ((200, 320, 3), (200, 320))
    assert read_rgb(data, Limits(max_pixels=9000, at_least=50)).shape == (50, 80, 3)
    assert read_rgb(data, Limits(at_least=50)).shape == (400, 640, 3)
    for refused in (Limits(max_pixels=9000, at_least=51), Limits(max_pixels=9000)):
        with pytest.raises(TooLargeError, match="640x400, more than 9,000 pixels"):
            read_rgb(data, refused)
    with pytest.raises(TooLargeError):
        read_rgb(encode_image(whole, "PNG"), limits)


@pytest.mark.parametrize("read", [read_image, read_rgb, read_gray, read_rgb_and_gray, read_frames])
def test_a_jpeg_of_countless_scans_is_refused(read):
    """A decoder goes over all pixels for each, and each takes 34 bytes."""
    with pytest.raises(ImageError, match="a JPEG of more than 64 scans"):
        read(jpeg_of_scans(100))
    assert read(jpeg_of_scans(50)) is not None


def test_only_the_scans_of_the_picture_itself_count():
    data, other = jpeg_of_scans(0), jpeg_of_scans(100, 8, 8)
    thumbnail = b"\xff\xe5" + (2 + len(other)).to_bytes(2, "big") + other
    for whole in (data[:2] + thumbnail + data[2:], data + other):
        assert count_scans(whole) == count_scans(data) == 6
        assert read_rgb(whole).shape == (40, 40, 3)
    assert count_scans(data[:100]) <= 6 and count_scans(b"\xff\xd8") == 0


def test_frames_are_decoded_one_after_another(tmp_path):
    path = tmp_path / "a.gif"
    write_gif(path, [picture(64, 64, seed) for seed in range(60)], 40)
    file = PictureFile(path)
    assert file.frame_count == 60 and file.loop == 0
    tracemalloc.start()
    durations = [duration for _, duration in file.frames()]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert durations == [40] * 60
    assert peak < 20 * 64 * 64 * 3
    again = [image.rgb for image, _ in file.frames()]  # A second time, from the start.
    np.testing.assert_array_equal(again, read_frames(path)[0])


def test_a_frame_that_grows_beyond_the_limit_is_refused():
    first, second = (PillowImage.new("RGB", (8, 8), color) for color in ("black", "white"))
    encoded = io.BytesIO()
    first.save(encoded, "GIF", save_all=True, append_images=[second], duration=9)
    data = bytearray(encoded.getvalue())
    at = data.rindex(b"\x2c\0\0\0\0")  # The descriptor of the second frame.
    data[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    frames = PictureFile(bytes(data)).frames()
    next(frames)
    with pytest.raises(ImageError):
        next(frames)


def test_list_folder_tells_pictures_from_others(tmp_path):
    for name in ("b.png", "a.JPG", "film.mp4", "sub/notes.txt", ".hidden.txt", ".git/x.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    pictures, others = list_folder(tmp_path)
    assert pictures == [tmp_path / "a.JPG", tmp_path / "b.png"]
    assert others == [tmp_path / "film.mp4", tmp_path / "sub" / "notes.txt"]


def test_a_memory_budget_lets_threads_wait_for_each_other():
    budget = MemoryBudget(10)
    lock, together, most = threading.Lock(), [0], []

    def work(size):
        for _ in range(50):
            with budget.hold(size):
                with lock:
                    together[0] += size
                    most.append(together[0])
                with lock:
                    together[0] -= size

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 4, 5, 6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 200 and max(most) <= 10


def test_freed_memory_can_be_given_back_on_any_system():
    assert return_freed_memory() is None


def test_a_memory_budget_admits_alone_who_wants_more_than_all():
    budget = MemoryBudget(10)
    with budget.hold(99):
        pass
    with pytest.raises(KeyError), budget.hold(10):
        raise KeyError
    with budget.hold(10):  # What failed has given back its share.
        pass
