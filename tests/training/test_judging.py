"""The best generator of a run, by KID on its validation photos."""

import numpy as np
import pytest
from tiny_training import vgg19

from animegan_tf.data.find import TrainingFiles
from animegan_tf.errors import UserError
from animegan_tf.images import write_image
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import load_generator
from animegan_tf.training.judging import COLUMNS, Judging, check_judging
from animegan_tf.training.metrics import read_numbers


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    rng = np.random.default_rng(0)
    paths = []
    for i in range(20):
        paths.append(folder / f"{i}.png")
        blocks = rng.integers(0, 256, (10, 10, 3)).repeat(8, 0).repeat(8, 1)
        write_image(paths[-1], blocks.astype(np.uint8))
    return TrainingFiles(photos=(), anime=tuple(paths[:10]), smooth=(), val=tuple(paths[10:]))


class Returns:
    """Stands for a generator whose results are known."""

    def __init__(self, function):
        self._function = function

    def __call__(self, photo):
        return self._function(np.asarray(photo))


def test_the_lowest_kid_is_kept_and_a_resumed_run_remembers(pictures, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(
        "animegan_tf.training.judging.save_generator", lambda model, path: saved.append(model)
    )
    like, unlike = Returns(lambda photo: photo), Returns(np.zeros_like)
    judging = Judging(tmp_path, pictures, vgg19("float32"), "random", 80)
    first = judging.judge(2, unlike)
    second = judging.judge(4, like)
    assert first["kid"] > second["kid"] and second["content"] == 0
    assert saved == [unlike, like] and judging.best_epoch == 4

    resumed = Judging(tmp_path, pictures, vgg19("float32"), "random", 80)
    resumed.begin(5)
    resumed.judge(6, unlike)
    assert saved == [unlike, like] and resumed.best_epoch == 4
    rows = read_numbers(tmp_path / "quality.csv", COLUMNS)
    assert [row["epoch"] for row in rows] == [2, 4, 6]
    resumed.begin(3)
    resumed.judge(4, unlike)
    assert saved[2:] == [unlike], "what is trained anew is judged anew"


def test_the_best_generator_is_a_file_like_any_other(pictures, tmp_path):
    generator = build_generator(4)
    Judging(tmp_path, pictures, vgg19("float32"), "random", 33).judge(1, generator)
    for kept, weights in zip(
        load_generator(tmp_path / "best.keras").get_weights(), generator.get_weights()
    ):
        np.testing.assert_array_equal(kept, weights)


@pytest.mark.parametrize("content", [b"", b"junk", b"epoch,kid\n1,", b"epoch,kid\n1,\n"])
def test_a_damaged_table_is_passed_over(pictures, tmp_path, content):
    (tmp_path / "quality.csv").write_bytes(content)
    judging = Judging(tmp_path, pictures, vgg19("float32"), "random", 80)
    judging.begin(9)
    judging.judge(10, build_generator(4))
    assert judging.best_epoch == 10


def test_too_few_pictures_are_said_before_work(pictures):
    check_judging(pictures)
    with pytest.raises(UserError, match="9 validation photos are too few"):
        check_judging(pictures.__class__((), pictures.anime, (), pictures.val[1:]))
