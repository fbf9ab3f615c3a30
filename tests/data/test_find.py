"""Which files a run learns from."""

import pytest
from training_sets import (
    fill,
    found,
    reasons,
)

from animegan_tf.data.find import find_training_files
from animegan_tf.errors import UserError


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
