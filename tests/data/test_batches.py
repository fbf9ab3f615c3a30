"""Training batches: the same each time, and named files where one cannot be read."""

import gc
import os
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from project import ROOT
from training_sets import (
    SIZE,
    arrays,
    assert_same_batches,
    fill,
    found,
    picture,
    training_data,
)

from animegan_tf.data.batches import KEYS, load_validation
from animegan_tf.data.edges import smooth_edges
from animegan_tf.data.find import TrainingFiles, find_training_files
from animegan_tf.errors import UserError
from animegan_tf.images import (
    gray_of,
    read_gray,
    read_rgb,
    read_rgb_and_gray,
    resize,
    to_float,
    write_image,
)


def test_a_batch_is_what_its_files_hold(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    dataset = data.dataset(steps=4)
    for spec in dataset.element_spec.values():
        assert spec.shape == (3, SIZE, SIZE, 3) and spec.dtype == tf.float32
    for step, batch in enumerate(arrays(dataset)):
        files = data.batch_files(step)
        assert files["anime"] == files["gray"]
        for row in range(3):
            rgb, gray = read_rgb_and_gray(files["anime"][row])
            photo = read_rgb(files["photo"][row])
            np.testing.assert_array_equal(batch["photo"][row], to_float(photo))
            np.testing.assert_array_equal(batch["anime"][row], to_float(rgb))
            rgb, other = read_rgb_and_gray(files["edge_gray"][row])
            smoothed = gray_of(smooth_edges(rgb, other))
            assert (smoothed != other).any()
            for key, expected in (("gray", gray), ("edge_gray", smoothed)):
                for channel in range(3):
                    np.testing.assert_array_equal(batch[key][row, ..., channel], to_float(expected))


def test_gray_of_a_jpeg_is_its_luma(tmp_path):
    fill(tmp_path / "photos", range(3))
    fill(tmp_path / "anime", range(3, 6), ".jpg")
    files = find_training_files(photos=tmp_path / "photos", anime=tmp_path / "anime")
    data = training_data(files, tmp_path)
    (batch,) = arrays(data.dataset(steps=1))
    path = data.batch_files(0)["gray"][0]
    np.testing.assert_array_equal(batch["gray"][0, ..., 1], to_float(read_gray(path)))
    assert (read_gray(path) != gray_of(read_rgb(path))).any()


def test_all_values_turn_to_floats_as_to_float_does(tmp_path):
    everything = np.arange(256, dtype=np.uint8).repeat(12).reshape(SIZE, SIZE, 3)
    only = (tmp_path / "all.png",)
    write_image(only[0], everything)
    data = training_data(TrainingFiles(only, only, (), only), tmp_path)
    (batch,) = arrays(data.dataset(steps=1))
    np.testing.assert_array_equal(batch["photo"][0], to_float(everything))


def test_other_sizes_are_stretched_to_the_square(tmp_path):
    fill(tmp_path / "photos", range(3), height=50, width=40)
    fill(tmp_path / "anime", range(3, 6), height=40, width=120)
    files = find_training_files(photos=tmp_path / "photos", anime=tmp_path / "anime")
    data = training_data(files, tmp_path)
    (batch,) = arrays(data.dataset(steps=1))
    path = data.batch_files(0)["photo"][0]
    expected = to_float(resize(read_rgb(path), SIZE, SIZE))
    np.testing.assert_array_equal(batch["photo"][0], expected)


def test_an_existing_smooth_folder_is_read(data_dir, tmp_path):
    fill(data_dir / "Hayao" / "smooth", range(100, 105))
    data = training_data(found(data_dir), tmp_path)
    data.prepare_edges()
    assert not (tmp_path / "cache").exists()
    (batch,) = arrays(data.dataset(steps=1))
    for row, path in enumerate(data.batch_files(0)["edge_gray"]):
        assert Path(path).parent.name == "smooth"
        np.testing.assert_array_equal(batch["edge_gray"][row, ..., 0], to_float(read_gray(path)))


@pytest.mark.parametrize("options", [{}, {"crop": True, "flip": True}])
def test_a_resumed_stream_is_the_tail_of_the_whole(data_dir, tmp_path, options):
    whole = arrays(training_data(found(data_dir), tmp_path, **options).dataset(steps=9))
    for start in (1, 5):
        fresh = training_data(found(data_dir), tmp_path, **options)
        assert_same_batches(arrays(fresh.dataset(start, 9 - start)), whole[start:])
    endless = training_data(found(data_dir), tmp_path, **options).dataset(4)
    assert_same_batches(arrays(endless.take(5)), whole[4:])


def test_the_parts_of_all_workers_are_the_batch_of_one(data_dir, tmp_path):
    options = {"batch_size": 6, "crop": True, "flip": True}
    whole = arrays(training_data(found(data_dir), tmp_path, **options).dataset(2, 3))
    parts = [
        arrays(training_data(found(data_dir), tmp_path, part=(i, 3), **options).dataset(2, 3))
        for i in range(3)
    ]
    assert_same_batches(
        [
            {key: np.concatenate([batch[key] for batch in batches]) for key in KEYS}
            for batches in zip(*parts)
        ],
        whole,
    )
    with pytest.raises(ValueError, match="not a multiple of 4"):
        training_data(found(data_dir), tmp_path, part=(0, 4), **options)


def test_streams_are_shuffled_anew_and_cover_all_files_each_pass(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path, batch_size=4)
    drawn = {
        key: [file for step in range(35) for file in data.batch_files(step)[key]] for key in KEYS
    }
    for key, count in (("photo", 7), ("anime", 5), ("edge_gray", 5)):
        passes = [drawn[key][i : i + count] for i in range(0, 140, count)]
        for one in passes:
            assert len(set(one)) == count
        assert len(set(map(tuple, passes))) > len(passes) // 2
    assert drawn["anime"] != drawn["edge_gray"]


def test_seeds_differ(data_dir, tmp_path):
    one, other = (training_data(found(data_dir), tmp_path, seed=seed) for seed in (1, 2))
    assert [one.batch_files(k) for k in range(4)] != [other.batch_files(k) for k in range(4)]


def test_files_of_a_batch_do_not_depend_on_what_was_asked_before(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    forward = [data.batch_files(step) for step in range(30)]
    assert [data.batch_files(step) for step in reversed(range(30))] == forward[::-1]


@pytest.mark.parametrize("photos, batch_size, steps", [(7, 3, 2), (7, 1, 7), (7, 20, 1)])
def test_steps_per_epoch_are_the_authors(data_dir, tmp_path, photos, batch_size, steps):
    data = training_data(found(data_dir), tmp_path, batch_size=batch_size)
    assert data.steps_per_epoch == steps


def test_crop_and_flip_move_anime_and_gray_together(tmp_path):
    fill(tmp_path / "photos", range(3), height=60, width=50)
    fill(tmp_path / "anime", range(3, 6), height=36, width=70)  # Short side 36: only cropped.
    files = find_training_files(photos=tmp_path / "photos", anime=tmp_path / "anime")
    data = training_data(files, tmp_path, crop=True, flip=True)
    assert data.load_size == 36
    seen = Counter()
    for step, batch in enumerate(arrays(data.dataset(steps=12))):
        rgb = np.round((batch["anime"] + 1) * 127.5).astype(np.uint8)
        gray = np.round((batch["gray"][..., 0] + 1) * 127.5).astype(np.uint8)
        for row, path in enumerate(data.batch_files(step)["anime"]):
            np.testing.assert_array_equal(gray[row], gray_of(rgb[row]))
            seen[find_square(read_rgb(path), rgb[row])] += 1
        for row, path in enumerate(data.batch_files(step)["edge_gray"]):
            smoothed = gray_of(smooth_edges(*read_rgb_and_gray(path)))
            edge = np.round((batch["edge_gray"][row, ..., 0] + 1) * 127.5).astype(np.uint8)
            find_square(smoothed, edge)
    assert sum(seen.values()) == 36 and len(seen) > 25
    assert 8 < sum(count for (_, _, flipped), count in seen.items() if flipped) < 28
    assert {top for top, _, _ in seen} == {0, 1, 2, 3, 4}
    assert max(left for _, left, _ in seen) > 30


def find_square(whole, square):
    size = len(square)
    for flipped in (False, True):
        wanted = square[:, ::-1] if flipped else square
        for top in range(whole.shape[0] - size + 1):
            for left in range(whole.shape[1] - size + 1):
                if np.array_equal(whole[top : top + size, left : left + size], wanted):
                    return top, left, flipped
    raise AssertionError("the square is no part of the picture")


def test_load_size_must_hold_the_square(data_dir, tmp_path):
    with pytest.raises(ValueError, match="31"):
        training_data(found(data_dir), tmp_path, crop=True, load_size=31)


def test_a_file_lost_during_the_run_is_named(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    data.prepare_edges()
    lost = Path(data.batch_files(2)["photo"][1])
    content = lost.read_bytes()
    for damage in (lost.unlink, lambda: lost.write_bytes(content[:60])):
        damage()
        with pytest.raises(tf.errors.OpError, match=lost.name):
            arrays(data.dataset(steps=7))


def test_a_lost_file_is_a_user_error_to_who_iterates_over_the_batches(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    assert len(list(data.batches(1, 2))) == 2
    lost = Path(data.batch_files(3)["photo"][1])
    lost.unlink()
    seen = 0
    with pytest.raises(UserError) as error:
        for _ in data.batches(0, 7):
            seen += 1
    (finding,) = error.value.findings
    assert finding.where == str(lost) and seen <= 3
    assert finding.reason == "can't be read anymore (No such file or directory)"


def test_an_anime_file_lost_during_the_run_is_named(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    lost = Path(data.batch_files(0)["edge_gray"][0])
    lost.write_text("not a picture")
    with pytest.raises(tf.errors.OpError, match=lost.name):
        arrays(data.dataset(steps=5))
    with pytest.raises(UserError, match=lost.name):
        data.prepare_edges()


def test_processes_decode_in_parallel_under_op_determinism_and_end_with_open_streams(
    data_dir, tmp_path
):
    """tf.data runs its own Python functions one after another there."""
    program = f"""
import sys, threading, tensorflow as tf
tf.config.experimental.enable_op_determinism()
from animegan_tf.data.batches import TrainingData
from animegan_tf.data.find import find_training_files
together = threading.Barrier(2, timeout=60)
class Data(TrainingData):
    def _batch(self, step):
        if step < 4:
            together.wait()  # Fails unless two batches are in work at a time.
        return super()._batch(step)
data = Data(find_training_files(data_dir={str(data_dir)!r}, style="hayao"), image_size=32,
            batch_size=3, seed=5, cache_dir={str(tmp_path / "cache")!r})
print(*(float(tf.reduce_sum(b[key])) for b in data.dataset(steps=4) for key in b), flush=True)
iterator = iter(data.dataset(4))
next(iterator)
if sys.argv[1] != "0":
    raise SystemExit(int(sys.argv[1]))
"""
    statuses = ("0", "3")  # Both at a time: most of it is the import of TensorFlow.
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, status],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for status in statuses
    ]
    expected = [
        float(tf.reduce_sum(batch[key]))
        for batch in training_data(found(data_dir), tmp_path).dataset(steps=4)
        for key in batch
    ]
    for process, status in zip(processes, statuses):
        output, errors = process.communicate(timeout=300)
        assert process.returncode == int(status), errors
        np.testing.assert_allclose(np.array(output.split()[-16:], float), expected, rtol=1e-5)


def test_abandoned_streams_leave_nothing_behind(data_dir, tmp_path):
    before = threading.active_count()
    data = training_data(found(data_dir), tmp_path)
    for start in range(0, 240, 20):
        next(iter(data.dataset(start)))
    assert len(data._batches._waiting) < 12  # Batches that nobody will ask for are let go.
    assert threading.active_count() <= before + max(2, min(8, os.cpu_count())) + 1


def test_two_streams_at_a_time_do_not_mix(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    whole = arrays(data.dataset(steps=8))
    near, far = iter(data.dataset(0, 4)), iter(data.dataset(4))
    pairs = [
        (
            {k: v.numpy() for k, v in next(near).items()},
            {k: v.numpy() for k, v in next(far).items()},
        )
        for _ in range(4)
    ]
    assert_same_batches([pair[0] for pair in pairs] + [pair[1] for pair in pairs], whole)


def test_only_paths_are_held(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    data.prepare_edges()
    dataset = data.dataset(steps=40)
    held = []
    tracemalloc.start()
    for _ in range(3):
        for batch in dataset:
            del batch
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
    data._batches._pool.shutdown()  # tracemalloc is not safe to stop while threads work.
    tracemalloc.stop()
    assert held[2] - held[0] < 20 * (8 * 3 * SIZE * SIZE)  # Far less than the 80 batches.
    assert not any(isinstance(value, np.ndarray) for value in vars(data).values())


def test_validation_photos_keep_their_shape(data_dir):
    wide = picture(70, 40, 80)
    fill(data_dir / "val", [])
    write_image(data_dir / "val" / "a.png", wide)
    write_image(data_dir / "val" / "b.png", picture(71))
    photos = load_validation(found(data_dir), image_size=40, count=8)
    assert photos.shape == (2, 40, 40, 3) and photos.dtype == np.float32
    np.testing.assert_array_equal(photos[0], to_float(wide[:, 20:60]))
    assert load_validation(found(data_dir), image_size=40, count=1).shape == (1, 40, 40, 3)


def test_a_validation_photo_that_has_gone_is_named(data_dir):
    files = found(data_dir)
    files.val[0].unlink()
    with pytest.raises(UserError, match=r"000\.png: No such file"):
        load_validation(files, image_size=SIZE, count=2)
