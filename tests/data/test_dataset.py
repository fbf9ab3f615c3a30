"""Training data: found, checked, streamed the same way each time."""

import gc
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from project import ROOT

from animegan_tf.data import check
from animegan_tf.data.batches import KEYS, TrainingData, load_validation
from animegan_tf.data.check import check_training_files
from animegan_tf.data.edges import smooth_edges
from animegan_tf.data.find import TrainingFiles, find_training_files
from animegan_tf.errors import UserError
from animegan_tf.images import (
    encode_image,
    gray_of,
    read_gray,
    read_rgb,
    read_rgb_and_gray,
    resize,
    to_float,
    write_image,
)

SIZE = 32


def picture(seed, height=SIZE, width=SIZE):
    """Smooth colors with hard blocks on them, so that there are edges to smooth."""
    rng = np.random.default_rng(seed)
    rgb = resize(rng.integers(0, 256, (4, 4, 3), np.uint8), height, width)
    for _ in range(4):
        top, left = rng.integers(height - 8), rng.integers(width - 8)
        rgb[top : top + 8, left : left + 8] = rng.integers(0, 256, 3)
    return rgb


def fill(folder, seeds, extension=".png", **size):
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        write_image(folder / f"{seed:03d}{extension}", picture(seed, **size))


@pytest.fixture
def data_dir(tmp_path):
    root = tmp_path / "dataset"
    fill(root / "train_photo", range(7))
    fill(root / "Hayao" / "style", range(100, 105))
    return root


def found(data_dir, **others):
    return find_training_files(data_dir=data_dir, style="hayao", **others)


def training_data(files, tmp_path, **options):
    options = {
        "image_size": SIZE,
        "batch_size": 3,
        "seed": 5,
        "cache_dir": tmp_path / "cache",
        **options,
    }
    return TrainingData(files, **options)


def arrays(dataset):
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset]


def assert_same_batches(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        assert one.keys() == other.keys() == set(KEYS)
        for key in KEYS:
            np.testing.assert_array_equal(one[key], other[key])


def reasons(error):
    return "\n".join(map(str, error.value.findings))


# Finding


@pytest.mark.parametrize("style", ["Hayao", "hayao", "HAYAO"])
def test_the_authors_layout_in_any_case(data_dir, style):
    (data_dir / "Shinkai" / "style").mkdir(parents=True)
    fill(data_dir / "val", [50])
    (data_dir / "val").rename(data_dir / "Val")
    files = find_training_files(data_dir=data_dir, style=style)
    assert [p.name for p in files.photos] == [f"{i:03d}.png" for i in range(7)]
    assert files.anime == tuple(data_dir / "Hayao" / "style" / f"{i}.png" for i in range(100, 105))
    assert files.smooth == ()
    assert files.val == (data_dir / "Val" / "050.png",)


def test_two_folders_nested_and_without_a_layout(tmp_path):
    fill(tmp_path / "写真" / "été", range(3), ".JPG")
    fill(tmp_path / "anime", range(3, 5), ".WebP")
    files = find_training_files(photos=tmp_path / "写真", anime=str(tmp_path / "anime"))
    assert len(files.photos) == 3 and len(files.anime) == 2
    assert files.val == files.photos


def test_folders_given_one_by_one_replace_those_of_the_layout(data_dir, tmp_path):
    fill(tmp_path / "mine", range(20, 24))
    assert len(found(data_dir, photos=tmp_path / "mine").photos) == 4
    files = find_training_files(data_dir=data_dir, anime=tmp_path / "mine")
    assert len(files.anime) == 4 and len(files.photos) == 7


def test_validation_photos(data_dir, tmp_path):
    fill(data_dir / "train_photo", range(40))
    spaced = found(data_dir).val
    assert [p.name for p in spaced] == [f"{i:03d}.png" for i in range(0, 40, 5)]
    fill(data_dir / "test", [60])
    assert [p.name for p in found(data_dir).val] == ["060.png"]
    (data_dir / "val").mkdir()
    assert [p.name for p in found(data_dir).val] == ["060.png"]
    fill(data_dir / "val", [61])
    assert [p.name for p in found(data_dir).val] == ["061.png"]
    fill(tmp_path / "other", [62, 63])
    assert len(found(data_dir, val=tmp_path / "other").val) == 2


def test_all_that_is_missing_is_said_at_once(data_dir, tmp_path):
    (data_dir / "train_photo").rename(data_dir / "photos")
    fill(data_dir / "Paprika" / "style", [1])
    with pytest.raises(UserError) as error:
        find_training_files(data_dir=data_dir, style="shinkai", val=tmp_path / "nowhere")
    assert len(error.value.findings) == 3
    assert "train_photo: no such folder" in reasons(error)
    assert "There are: Hayao, Paprika" in reasons(error)
    assert "nowhere: No such file" in reasons(error)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, ["--photos and --anime: not given"]),
        ({"photos": "{root}/train_photo"}, ["--anime: not given"]),
        ({"data_dir": "{root}"}, ["--style: not given. There are: Hayao"]),
        ({"data_dir": "{root}/absent", "style": "x"}, ["absent: No such file"]),
        (
            {"data_dir": "{root}", "style": "hayao", "photos": "{root}/empty"},
            ["empty: holds no pictures"],
        ),
        (
            {"data_dir": "{root}", "photos": "{root}/Hayao/style", "style": "hayao"},
            ["for photos and for anime alike"],
        ),
        ({"photos": "{root}/gone", "anime": "{root}/empty"}, ["gone: No such", "empty: holds no"]),
    ],
)
def test_what_a_user_can_get_wrong(data_dir, arguments, expected):
    (data_dir / "empty").mkdir()
    arguments = {key: value.format(root=data_dir) for key, value in arguments.items()}
    with pytest.raises(UserError) as error:
        find_training_files(**arguments)
    assert len(error.value.findings) == len(expected)
    for reason in expected:
        assert reason in reasons(error)


# Checking


@pytest.fixture
def few_pictures_will_do(monkeypatch):
    monkeypatch.setattr(check, "FEW_PICTURES", 0)


def spoil(data_dir):
    """One bad file of each kind; returns which."""
    photos, style = data_dir / "train_photo", data_dir / "Hayao" / "style"
    png, jpeg = (encode_image(picture(9, 64, 64), format) for format in ("PNG", "JPEG"))
    (photos / "cut.png").write_bytes(png[: len(png) // 2])
    (photos / "cut.JPG").write_bytes(jpeg[: len(jpeg) // 2])
    (photos / "text.jpg").write_text("hello")
    (style / "nothing.png").write_bytes(b"")
    write_image(photos / "dot.png", np.zeros((1, 1, 3), np.uint8))
    write_image(style / "thin.png", picture(8, 64, 64)[:8])
    write_image(style / "flat.png", np.full((64, 64, 3), (10, 200, 30), np.uint8))
    noise = np.random.default_rng(0).integers(0, 3, (64, 64, 3), np.uint8)
    write_image(photos / "nearly_flat.png", 100 + noise)
    (data_dir / "val").mkdir()
    (data_dir / "val" / "broken.png").write_bytes(png[: len(png) // 2])
    return {
        "cut.png": "truncated",
        "cut.JPG": "truncated",
        "text.jpg": "not a picture",
        "nothing.png": "empty",
        "dot.png": "too small, 1x1",
        "thin.png": "too small, 64x8",
        "flat.png": "flat",
        "nearly_flat.png": "flat",
        "broken.png": "truncated",
    }


def test_every_bad_file_is_named_at_once(data_dir):
    bad = spoil(data_dir)
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE)
    said = {Path(finding.where).name: finding for finding in error.value.findings}
    assert said.keys() == bad.keys()
    for name, reason in bad.items():
        assert reason in said[name].reason, said[name]
        assert "--skip_bad_images" in said[name].remedy


def test_bad_files_can_be_left_out(data_dir, few_pictures_will_do):
    bad = spoil(data_dir)
    files, findings, report = check_training_files(
        found(data_dir), image_size=SIZE, skip_bad_images=True, workers=1
    )
    assert {Path(finding.where).name for finding in findings} == bad.keys()
    assert len(files.photos) == 7 and len(files.anime) == 5 and len(files.val) == 7
    assert (report.photos, report.anime, report.dropped) == (7, 5, 9)


def test_an_empty_set_is_an_error_even_when_skipping(data_dir):
    for path in (data_dir / "Hayao" / "style").iterdir():
        path.write_bytes(b"")
    with pytest.raises(UserError) as error:
        check_training_files(found(data_dir), image_size=SIZE, skip_bad_images=True)
    assert len(error.value.findings) == 6 and "no usable picture" in reasons(error)


def test_a_good_set_passes_unchanged(data_dir, few_pictures_will_do):
    files, findings, report = check_training_files(found(data_dir), image_size=SIZE)
    assert files == found(data_dir) and not findings
    assert (report.photos, report.anime, report.val, report.dropped) == (7, 5, 7, 0)


def test_copies_are_doubtful_but_no_error(data_dir, few_pictures_will_do):
    photos, style = data_dir / "train_photo", data_dir / "Hayao" / "style"
    (photos / "copy.png").write_bytes((photos / "000.png").read_bytes())
    (photos / "taken.png").write_bytes((style / "100.png").read_bytes())
    files, findings, _ = check_training_files(found(data_dir), image_size=SIZE)
    assert len(files.photos) == 9
    said = {Path(finding.where).name: finding.reason for finding in findings}
    assert said.keys() == {"copy.png", "100.png"}
    assert "a copy of" in said["copy.png"] and "000.png" in said["copy.png"]
    assert "among the photos" in said["100.png"] and "taken.png" in said["100.png"]


def test_many_copies_do_not_flood_the_log(data_dir, few_pictures_will_do):
    photos = data_dir / "train_photo"
    for i in range(30):
        (photos / f"copy{i}.png").write_bytes((photos / "000.png").read_bytes())
    _, findings, _ = check_training_files(found(data_dir), image_size=SIZE)
    assert len(findings) == 11 and "20 more" in findings[-1].reason


def test_a_smooth_folder_counts_only_if_it_matches(data_dir, few_pictures_will_do):
    fill(data_dir / "Hayao" / "smooth", range(100, 105), ".jpg")
    files, findings, report = check_training_files(found(data_dir), image_size=SIZE)
    assert len(files.smooth) == report.smooth == 5 and not findings
    assert "from smooth/" in str(report)
    (data_dir / "Hayao" / "smooth" / "104.jpg").rename(data_dir / "Hayao" / "smooth" / "999.jpg")
    files, findings, report = check_training_files(found(data_dir), image_size=SIZE)
    assert files.smooth == () and report.smooth == 0
    assert len(findings) == 1 and "do not match" in findings[0].reason


def test_report_measures_the_style(tmp_path):
    fill(tmp_path / "photos", range(4))
    ramp = np.repeat(np.linspace(-20, 20, 40)[None, :, None], 40, axis=0)
    (tmp_path / "anime").mkdir()
    colors = {"night": (20, 30, 70), "day": (120, 130, 170), "sky": (90, 100, 140)}
    for name, color in colors.items():
        write_image(tmp_path / "anime" / f"{name}.png", (ramp + color).astype(np.uint8))
    files = find_training_files(photos=tmp_path / "photos", anime=tmp_path / "anime")
    _, findings, report = check_training_files(files, image_size=SIZE)
    mean = np.mean([read_rgb(path).reshape(-1, 3).mean(axis=0) for path in files.anime], axis=0)
    assert report.brightness == pytest.approx(mean @ [0.299, 0.587, 0.114])
    np.testing.assert_allclose(report.cast, mean - mean.mean())
    assert report.dark_share == pytest.approx(1 / 3)
    assert report.megapixels == pytest.approx((4 * SIZE * SIZE + 3 * 1600) / 7e6)
    assert "33% dark" in str(report) and "B +3" in str(report)
    said = "\n".join(map(str, findings))
    assert "33% of its pictures are dark" in said and "blue is +3" in said


def test_check_keeps_no_pictures(data_dir):
    """Memory in use at the worst moment must not grow with the number of files."""
    photos = data_dir / "train_photo"
    fill(photos, range(7, 15), ".bmp", height=256, width=256)
    peaks = []
    for wanted in (8, 64):
        for i in range(15, 7 + wanted):
            (photos / f"{i:03d}.bmp").write_bytes(
                (photos / "007.bmp").read_bytes()[:-2] + i.to_bytes(2, "big")
            )
        files = found(data_dir)
        gc.collect()
        tracemalloc.start()
        check_training_files(files, image_size=SIZE, workers=2)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 14 * 256 * 256 * 3  # 56 were added; some are in work.


# Streaming


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
    drawn = {key: sum((data.batch_files(step)[key] for step in range(35)), []) for key in KEYS}
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


def test_an_anime_file_lost_during_the_run_is_named(data_dir, tmp_path):
    data = training_data(found(data_dir), tmp_path)
    lost = Path(data.batch_files(0)["edge_gray"][0])
    lost.write_text("not a picture")
    with pytest.raises(tf.errors.OpError, match=lost.name):
        arrays(data.dataset(steps=5))
    with pytest.raises(UserError, match=lost.name):
        data.prepare_edges()


def test_decoding_stays_parallel_under_op_determinism(data_dir, tmp_path):
    """tf.data runs its own Python functions one after another there."""
    program = f"""
import threading, tensorflow as tf
tf.config.experimental.enable_op_determinism()
from animegan_tf.data.batches import TrainingData
from animegan_tf.data.find import find_training_files
together = threading.Barrier(2, timeout=20)
class Data(TrainingData):
    def _batch(self, step):
        together.wait()  # Fails unless two batches are in work at a time.
        return super()._batch(step)
data = Data(find_training_files(data_dir={str(data_dir)!r}, style="hayao"), image_size=32,
            batch_size=3, seed=5, cache_dir={str(tmp_path / "cache")!r})
print(*(float(tf.reduce_sum(b[key])) for b in data.dataset(steps=4) for key in b))
"""
    root = str(ROOT)
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    expected = [
        float(tf.reduce_sum(batch[key]))
        for batch in training_data(found(data_dir), tmp_path).dataset(steps=4)
        for key in batch
    ]
    np.testing.assert_allclose(np.array(result.stdout.split()[-16:], float), expected, rtol=1e-5)


def test_abandoned_streams_leave_nothing_behind(data_dir, tmp_path):
    before = threading.active_count()
    data = training_data(found(data_dir), tmp_path)
    for start in range(0, 240, 20):
        next(iter(data.dataset(start)))
    assert len(data._batches._waiting) < 12  # Batches that nobody will ask for are let go.
    assert threading.active_count() <= before + max(2, min(8, os.cpu_count())) + 1


@pytest.mark.parametrize("ending, status", [("pass", 0), ("raise SystemExit(3)", 3)])
def test_the_program_ends_while_a_stream_is_open(data_dir, tmp_path, ending, status):
    program = f"""
from animegan_tf.data.batches import TrainingData
from animegan_tf.data.find import find_training_files
data = TrainingData(find_training_files(data_dir={str(data_dir)!r}, style="hayao"), image_size=32,
                    batch_size=3, seed=5, cache_dir={str(tmp_path / "cache")!r})
iterator = iter(data.dataset())
next(iterator)
{ending}
"""
    root = str(ROOT)
    result = subprocess.run(
        [sys.executable, "-c", program],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": root},
        timeout=120,
    )
    assert result.returncode == status


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
        time.sleep(1.0)  # All threads rest: tracemalloc is not safe to stop while they work.
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[2] - held[0] < 20 * (8 * 3 * SIZE * SIZE)  # Far less than the 80 batches.
    assert not any(isinstance(value, np.ndarray) for value in vars(data).values())


# The cache of smoothed pictures


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


# Validation photos


def test_validation_photos_keep_their_shape(data_dir):
    wide = picture(70, 40, 80)
    fill(data_dir / "val", [])
    write_image(data_dir / "val" / "a.png", wide)
    write_image(data_dir / "val" / "b.png", picture(71))
    photos = load_validation(found(data_dir), image_size=40, count=8)
    assert photos.shape == (2, 40, 40, 3) and photos.dtype == np.float32
    np.testing.assert_array_equal(photos[0], to_float(wide[:, 20:60]))
    assert load_validation(found(data_dir), image_size=40, count=1).shape == (1, 40, 40, 3)
