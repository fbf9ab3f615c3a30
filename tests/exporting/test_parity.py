import time

import numpy as np
import pytest
import tensorflow as tf

from animegan_tf import build_generator
from animegan_tf.exporting.parity import (
    EXACT,
    FLOAT16,
    INT8,
    Artifact,
    Difference,
    Limit,
    Route,
    check,
    difference,
    latencies,
)
from animegan_tf.exporting.photos import fit, read_photos, split_evenly
from animegan_tf.images import to_float, to_uint8, write_image
from animegan_tf.networks.frozen import constant_network


def test_difference_by_hand():
    found = difference(
        [(np.float32([0, 0.2]), np.float32([0, 0])), (np.float32([[1.0]]), np.float32([[0.8]]))]
    )
    np.testing.assert_allclose(found, [0.2, 0.4 / 3, 10 * np.log10(4 / (0.08 / 3))], rtol=1e-6)
    same = difference([(np.zeros(3), np.zeros(3))])
    assert same == Difference(0, 0, np.inf)


@pytest.mark.parametrize(
    "limit, found, holds",
    [
        (EXACT, Difference(0.5, 1e-4, 20), True),
        (EXACT, Difference(1e-3, 1.1e-4, 90), False),
        (FLOAT16, Difference(1, 1, 45), True),
        (FLOAT16, Difference(0, 0, 44.9), False),
        (INT8, Difference(1, 1, 30), True),
        (INT8, Difference(0, 0, 29.9), False),
        (EXACT, Difference(np.nan, np.nan, np.nan), False),
        (INT8, Difference(np.nan, np.nan, np.nan), False),
    ],
)
def test_limits(limit, found, holds):
    assert limit.holds(found) is holds


def test_another_network_is_found_out(generator, reference, photos, tmp_path):
    tf.keras.utils.set_random_seed(1)
    other = constant_network(build_generator(8))
    (tmp_path / "file").write_bytes(b"12345")

    def run(photo):
        return np.asarray(other(to_float(photo)[None]))[0]

    artifact = Artifact(
        "other",
        tmp_path / "file",
        tmp_path / "there",
        Limit(psnr=30),
        [Route("x", "", "", run)],
        size=(32, 32),
    )
    checked = check(artifact, reference, photos)
    assert not checked.holds
    assert checked.bytes == 5
    assert checked.measured[0].difference.psnr < 25


def test_the_check_looks_at_eight_pictures_of_several_sizes(reference, photos, tmp_path):
    (tmp_path / "file").touch()
    seen = []

    def run(photo):
        seen.append(photo.shape[:2])
        return to_uint8(reference(photo))

    def checked(size):
        seen.clear()
        return check(
            Artifact("same", tmp_path / "file", tmp_path, EXACT, [Route("x", "", "", run)], size),
            reference,
            photos,
        )

    assert checked(None).measured[0].difference == Difference(0, 0, np.inf)
    assert len(set(seen)) >= 8
    assert any(side % 4 for size in seen for side in size)
    checked((24, 32))
    assert set(seen) == {(24, 32)} and len(seen) >= 8


def test_latencies_take_turns():
    calls = []

    def run(name, seconds):
        return lambda picture: (calls.append(name), time.sleep(seconds))

    slow, fast = latencies([run("slow", 0.05), run("fast", 0)], None, repeats=2)
    assert calls == ["slow", "fast"] * 3
    assert slow >= 50 > fast


def test_a_result_of_another_size_is_an_error(reference, photos, tmp_path):
    (tmp_path / "file").touch()
    artifact = Artifact(
        "cropped",
        tmp_path / "file",
        tmp_path,
        EXACT,
        [Route("x", "", "", lambda photo: reference(photo)[1:])],
        size=(32, 32),
    )
    with pytest.raises(ValueError, match=r"\(31, 32, 3\)"):
        check(artifact, reference, photos)


def test_fit_crops_the_middle():
    photo = np.zeros((40, 100, 3), np.uint8)
    photo[:, 30:70] = 200
    assert (fit(photo, 20, 20) == 200).all()
    assert fit(photo, 13, 50).shape == (13, 50, 3)


def test_read_photos_spreads_over_the_list(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(9)]
    for i, path in enumerate(paths):
        write_image(path, np.full((4, 4, 3), 10 * i, np.uint8))
    assert [photo[0, 0, 0] for photo in read_photos(paths, 3)] == [0, 40, 80]
    assert len(read_photos(paths, 20)) == 9
    assert split_evenly(list("abcdefg"), 3) == (list("adg"), list("bcef"))
