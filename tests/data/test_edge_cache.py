"""The cache of pictures with smoothed edges."""

import concurrent.futures
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from training_sets import (
    arrays,
    assert_same_batches,
    found,
    picture,
    training_data,
)

from animegan_tf.data import edge_cache
from animegan_tf.data.edges import smooth_edges
from animegan_tf.errors import UserError
from animegan_tf.images import (
    gray_of,
    read_gray,
    read_rgb_and_gray,
    to_float,
    write_image,
)


def cached(tmp_path):
    return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}


def test_the_cache_is_filled_once(data_dir, tmp_path):
    training_data(found(data_dir), tmp_path).prepare_edges()
    first = cached(tmp_path)
    assert len(first) == 5 and all(name.endswith(".png") for name in first)
    data = training_data(found(data_dir), tmp_path)
    data.prepare_edges()
    arrays(data.dataset(steps=3))
    assert cached(tmp_path) == first


def test_the_cache_depends_on_content_and_size_not_on_names(data_dir, tmp_path):
    style = data_dir / "Hayao" / "style"
    training_data(found(data_dir), tmp_path).prepare_edges()
    first = cached(tmp_path)
    (style / "100.png").rename(style / "renamed.png")
    training_data(found(data_dir), tmp_path).prepare_edges()
    assert cached(tmp_path) == first
    write_image(style / "101.png", picture(999))
    data = training_data(found(data_dir), tmp_path)
    data.prepare_edges()
    assert len(cached(tmp_path)) == 6 and first.items() <= cached(tmp_path).items()
    smoothed = gray_of(smooth_edges(*read_rgb_and_gray(style / "101.png")))
    step, row = next(
        (step, row)
        for step in range(9)
        for row in range(3)
        if data.batch_files(step)["edge_gray"][row].endswith("101.png")
    )
    batch = arrays(data.dataset(step, 1))[0]
    np.testing.assert_array_equal(batch["edge_gray"][row, ..., 2], to_float(smoothed))
    training_data(found(data_dir), tmp_path, crop=True).prepare_edges()
    assert len(cached(tmp_path)) == 11
    training_data(found(data_dir), tmp_path, image_size=48).prepare_edges()
    assert len(cached(tmp_path)) == 16


def test_two_trainings_fill_one_cache_at_a_time(data_dir, tmp_path):
    both = [training_data(found(data_dir), tmp_path) for _ in range(2)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda data: data.prepare_edges(), both))
    assert len(cached(tmp_path)) == 5 and all(name.endswith(".png") for name in cached(tmp_path))
    shutil.rmtree(tmp_path / "cache")
    alone = training_data(found(data_dir), tmp_path)
    for data in both:
        assert_same_batches(arrays(data.dataset(steps=2)), arrays(alone.dataset(steps=2)))


def damages(content):
    return [content[: len(content) // 2], b"", b"not a picture", flip_unnoticed(content)]


def flip_unnoticed(content):
    """One bit changed so that a decoder gives a wrong picture without complaint."""
    expected = read_gray(content)
    for index in range(len(content)):
        damaged = content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :]
        try:
            if not np.array_equal(read_gray(damaged), expected):
                return damaged
        except ValueError:
            continue
    raise AssertionError("every flip was noticed")


@pytest.mark.parametrize("kind", range(4), ids=["truncated", "empty", "text", "one-bit"])
def test_a_damaged_cache_file_is_made_again(data_dir, tmp_path, kind):
    data = training_data(found(data_dir), tmp_path)
    whole = arrays(data.dataset(steps=4))
    path = sorted((tmp_path / "cache").iterdir())[2]
    content = path.read_bytes()
    path.write_bytes(damages(content)[kind])
    data.prepare_edges()
    assert path.read_bytes() == content
    path.write_bytes(damages(content)[kind])  # And also when nobody prepared.
    assert_same_batches(arrays(data.dataset(steps=4)), whole)
    assert len(cached(tmp_path)) == 5


def test_a_batch_needs_no_prepared_cache(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    first = arrays(data.dataset(steps=3))
    data.prepare_edges()
    assert_same_batches(arrays(data.dataset(steps=3)), first)


def refused(data, folder):
    """The reason why pictures can't be kept in the folder, said in one line."""
    with pytest.raises(UserError) as error:
        data.prepare_edges()
    (finding,) = error.value.findings
    assert finding.where == str(folder) and "--cache_dir" in finding.remedy
    return finding.reason


def test_a_cache_that_cannot_be_written_is_named(data_dir, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "cache"
    data = training_data(found(data_dir), tmp_path, cache_dir=folder)
    assert "Not a directory" in refused(data, folder)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(edge_cache, "write_bytes", full_disk)
    data = training_data(found(data_dir), tmp_path)
    assert "No space left on device" in refused(data, tmp_path / "cache")
    with pytest.raises(UserError, match="--cache_dir"):  # In mid-run as well.
        list(data.batches(steps=2))


def test_a_disk_too_small_for_the_cache_is_refused_before_the_work(data_dir, tmp_path, monkeypatch):
    data = training_data(found(data_dir), tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=2000))
    assert "MB are needed" in refused(data, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    monkeypatch.undo()
    data.prepare_edges()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    data.prepare_edges()  # What is there takes no room.
