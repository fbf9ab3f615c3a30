"""One generator judged, on pictures and with a network small enough for tests."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from animegan_tf.cli import evaluate_command
from animegan_tf.cli.main import main
from animegan_tf.errors import UserError
from animegan_tf.evaluation.features import load_features, vgg_features
from animegan_tf.evaluation.judge import Judge, read_square
from animegan_tf.images import write_image
from animegan_tf.networks.generator import build_generator
from animegan_tf.networks.keras_file import save_generator
from animegan_tf.networks.perceptual import build_vgg19


def photo(seed, height=80, width=100):
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, 256, (height // 10, width // 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)
    )


def cel(seed):
    rng = np.random.default_rng(1000 + seed)
    return rng.integers(0, 2, (2, 2, 3), np.uint8).repeat(45, 0).repeat(45, 1) * 255


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, draw in (("photos", photo), ("anime", cel)):
        (folder / name).mkdir()
        for i in range(12):
            write_image(folder / name / f"{i:02}.png", draw(i))
    return folder


@pytest.fixture(scope="module")
def features():
    return vgg_features("a small VGG19", build_vgg19("random", width=4))


@pytest.fixture(scope="module")
def judge(folder, features):
    photos, anime = (sorted((folder / name).iterdir()) for name in ("photos", "anime"))
    return Judge(photos, anime, features, size=80)


def test_a_generator_that_returns_the_photo_changes_nothing(judge):
    found = judge(lambda photos: photos)
    assert found.content == found.chroma == 0
    assert found.kid == found.kid_of_photos
    assert found.kid_to_photos.mean < 0.05 * found.kid_of_photos.mean
    assert found.flat_share["results"] == found.flat_share["photos"]
    assert found.edge_strength["results"] == found.edge_strength["photos"]


def test_results_like_the_anime_pictures_are_nearer_to_them(judge, folder):
    other = iter([read_square(path, 80)[None] for path in sorted((folder / "anime").iterdir())])
    found = judge(lambda photos: next(other))
    assert found.kid.mean < 0.1 * found.kid_of_photos.mean
    assert found.content > 1
    assert found.flat_share["results"] == pytest.approx(found.flat_share["anime"])


def test_the_judgment_says_what_it_was_made_with(judge):
    found = judge(lambda photos: -photos)
    assert (found.features, found.size) == ("a small VGG19", 80)
    assert found.kid.counts == (12, 12) and found.kid.subset_size == 9
    plain = json.loads(json.dumps(found.as_json()))
    assert plain["kid"]["mean"] == found.kid.mean
    assert plain["kid"]["counts"] == [12, 12]


def test_what_could_not_be_measured_is_null(judge):
    found = judge(lambda photos: photos)._replace(chroma=math.nan, invented={"texture": math.nan})
    assert found.as_json()["chroma"] is None
    assert found.as_json()["invented"] == {"texture": None}


def test_each_picture_is_shown_with_its_measures(judge):
    seen = []
    judge(lambda photos: photos * 0.5, lambda *picture: seen.append(picture))
    assert [path.name for path, *_ in seen] == [f"{i:02}.png" for i in range(12)]
    path, before, after, measures = seen[3]
    np.testing.assert_array_equal(before, read_square(path, 80))
    np.testing.assert_array_equal(after, before * 0.5)
    assert measures["content"] > 0


def test_too_few_or_damaged_pictures_are_refused_together(folder, features, tmp_path):
    photos = sorted((folder / "photos").iterdir())
    (tmp_path / "junk.jpg").write_bytes(b"junk")
    with pytest.raises(UserError, match="3 pictures are too few"):
        Judge(photos, photos[:3], features)
    with pytest.raises(UserError, match=r"junk\.jpg: not a picture"):
        Judge([*photos, tmp_path / "junk.jpg"], photos, features)


def test_a_square_is_the_middle_of_the_picture_at_one_scale(tmp_path):
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, 20:40] = 255
    write_image(tmp_path / "a.png", picture)
    square = read_square(tmp_path / "a.png", 40)
    assert square.shape == (40, 40, 3) and square[:, 1:-1].min() == 1


def test_features_of_a_missing_file_are_a_finding():
    with pytest.raises(UserError, match="--features=nothing"):
        load_features("nothing")


# The command


@pytest.fixture
def small_features(monkeypatch, features):
    monkeypatch.setattr(evaluate_command, "load_features", lambda name: features)


def evaluate(*arguments):
    return main(["animegan", "evaluate", "--device=cpu", "--size=80", *arguments])


@pytest.mark.usefixtures("small_features")
def test_the_command_writes_figures_and_a_page(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tf.keras.utils.set_random_seed(3)
    save_generator(build_generator(4), "small.keras")
    given = ["--model=small.keras", f"--photos={folder / 'photos'}", f"--anime={folder / 'anime'}"]
    assert evaluate(*given, "--output=out/first", "--pictures=2") == 0
    found = json.loads((tmp_path / "out/first/judgment.json").read_text())
    assert found["judged"] == "small.keras" and found["content"] > 0
    page = (tmp_path / "out/first/index.html").read_text()
    assert page.count("<figure>") == 2 and "KID of results to anime" in page
    assert len(list((tmp_path / "out/first/pictures").iterdir())) == 4
    assert f"{found['content']:.3f}" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["first"]


@pytest.mark.usefixtures("small_features")
def test_results_of_other_programs_are_judged_by_name_and_replaced_on_request(
    folder, tmp_path, capsys
):
    results = tmp_path / "results"
    results.mkdir()
    for i in range(12):
        write_image(results / f"{i:02}.bmp", photo(i))
    given = [f"--photos={folder / 'photos'}", f"--anime={folder / 'anime'}"]
    assert evaluate(*given, f"--results={results}", f"--output={tmp_path / 'out'}") == 0
    assert json.loads((tmp_path / "out" / "judgment.json").read_text())["content"] == 0

    again = [*given, f"--results={results}", f"--output={tmp_path / 'out'}", "--pictures=1"]
    assert evaluate(*again) == 2
    assert "or --overwrite" in capsys.readouterr().err
    assert evaluate(*again, "--overwrite") == 0
    assert len(list((tmp_path / "out" / "pictures").iterdir())) == 2

    (tmp_path / "out" / "pictures" / "mine.txt").touch()
    assert evaluate(*again, "--overwrite") == 2
    assert "holds more than an evaluation, such as mine.txt" in capsys.readouterr().err
    assert (tmp_path / "out" / "pictures" / "mine.txt").exists()

    (results / "07.bmp").unlink()
    assert evaluate(*given, f"--results={results}", f"--output={tmp_path / 'other'}") == 2
    assert "1 of 12 photos have no result of their name, such as 07" in capsys.readouterr().err


@pytest.mark.usefixtures("small_features")
def test_an_evaluation_that_appears_meanwhile_is_left_as_it_is(
    folder, tmp_path, monkeypatch, capsys
):
    """Two processes with one --output: the first to end has it."""
    out, write = tmp_path / "out", evaluate_command.write_reports

    def write_after_another(*arguments):
        out.mkdir()
        (out / "judgment.json").write_text("the other's")
        write(*arguments)

    monkeypatch.setattr(evaluate_command, "write_reports", write_after_another)
    given = [f"--photos={folder / 'photos'}", f"--anime={folder / 'anime'}", f"--output={out}"]
    assert evaluate(*given, f"--results={folder / 'photos'}") == 1
    assert "another program has written there meanwhile" in capsys.readouterr().err
    assert (out / "judgment.json").read_text() == "the other's"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("small_features")
def test_all_that_is_wrong_is_said_at_once_and_nothing_is_replaced(folder, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    assert evaluate(f"--photos={folder / 'photos'}", f"--output={tmp_path / 'mine'}") == 2
    errors = capsys.readouterr().err
    assert "--anime: is needed" in errors
    assert "--style, --model" in errors
    assert "mine: exists, and holds no evaluation" in errors
