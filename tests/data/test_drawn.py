from __future__ import annotations

import json
import os
import shutil

import cv2
import numpy as np
import pytest

from animegan_tf.cli.main import main
from animegan_tf.data import drawn as demo
from animegan_tf.data.drawn import make_demo_dataset
from animegan_tf.data.scenery import CelArt, PhotoArt, draw_anime, draw_photo, scenes
from animegan_tf.errors import UserError
from animegan_tf.images import read_rgb, write_image
from animegan_tf.runs import locked

SMALL = dict(photos=3, anime=2, val=2, size=64)
NAMES = [
    "Demo/style/000.png",
    "Demo/style/001.png",
    "demo.json",
    "train_photo/000.jpg",
    "train_photo/001.jpg",
    "train_photo/002.jpg",
    "val/000.jpg",
    "val/001.jpg",
]


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("draw", [draw_photo, draw_anime])
class TestPictures:
    @pytest.mark.parametrize("height, width", [(64, 64), (96, 160), (150, 70), (300, 64)])
    def test_any_size(self, draw, height, width):
        for seed in range(6):
            picture = draw(np.random.default_rng(seed), height, width)
            assert picture.shape == (height, width, 3) and picture.dtype == np.uint8
            assert picture.std() > 15

    def test_same_seed_draws_the_same(self, draw):
        first, again, other = (draw(np.random.default_rng(seed), 96, 96) for seed in (5, 5, 6))
        np.testing.assert_array_equal(first, again)
        assert (first != other).mean() > 0.5

    def test_the_scene_fills_larger_pictures_alike(self, draw):
        """Twice the size shows things twice as large, not twice as many."""
        small, large = [], []
        for seed in range(10):
            for size, energies in ((96, small), (192, large)):
                picture = draw(np.random.default_rng(seed), size, size)
                low = cv2.resize(picture, (24, 24), interpolation=cv2.INTER_AREA)
                energies.append(np.abs(np.diff(low.astype(float), axis=0)).mean())
        assert 0.75 < np.mean(large) / np.mean(small) < 1.33

    @pytest.mark.slow
    def test_the_largest_size(self, draw):
        assert draw(np.random.default_rng(0), 2048, 2048).shape == (2048, 2048, 3)


@pytest.fixture(scope="module")
def many():
    return {
        draw: [draw(np.random.default_rng(seed), 128, 128) for seed in range(16)]
        for draw in (draw_photo, draw_anime)
    }


def flat_share(picture):
    """Share of pixels that equal their right and lower neighbors exactly."""
    same = (picture[:-1, :-1] == picture[1:, :-1]) & (picture[:-1, :-1] == picture[:-1, 1:])
    return same.all(-1).mean()


def saturation(picture):
    return cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)[..., 1].mean()


def test_cels_are_flat_and_photos_are_grainy(many):
    assert np.median([flat_share(p) for p in many[draw_anime]]) > 0.4
    assert min(flat_share(p) for p in many[draw_anime]) > 0.15
    assert max(flat_share(p) for p in many[draw_photo]) < 0.05


def test_cels_are_more_vivid(many):
    anime, photo = many[draw_anime], many[draw_photo]
    assert np.mean([saturation(p) for p in anime]) > 1.3 * np.mean([saturation(p) for p in photo])


def darkness_of_rim(art, inside):
    """How much darker the rim of a silhouette is than the rest of it."""
    gray = art.canvas.mean(-1)
    core = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))).astype(bool)
    return gray[core].mean() - gray[inside & ~core].mean()


def silhouette(art, paint):
    art.canvas[:] = 2
    paint(art)
    return (art.canvas != 2).any(-1)


@pytest.mark.parametrize(
    "paint",
    [
        lambda art: art.tree(128, 200, 160, 0.0),
        lambda art: scenes._house(art, 110, 180, 70, 0.0),
    ],
    ids=["tree", "house"],
)
def test_things_have_ink_around_them_in_cels_alone(paint):
    def mean_darkness(kind):
        arts = [kind(np.random.default_rng(seed), 128, 128) for seed in range(8)]
        return np.mean([darkness_of_rim(art, silhouette(art, paint)) for art in arts])

    assert mean_darkness(CelArt) > 0.14 > mean_darkness(PhotoArt) + 0.1


def test_hills_have_ink_along_their_ridges_in_cels_alone():
    def mean_darkness(kind):
        darkness = []
        for seed in range(8):
            art = kind(np.random.default_rng(seed), 128, 128)
            relief, _ = art.scenery("hills")
            ridge = (~relief.sky).argmax(0), np.arange(art.width)
            gray = art.canvas.mean(-1)
            darkness.append(np.mean(gray[ridge[0] + 6, ridge[1]] - gray[ridge]))
        return np.mean(darkness)

    assert mean_darkness(CelArt) > 0.05 > mean_darkness(PhotoArt)


def test_every_scene_of_a_domain_differs(many):
    for pictures in many.values():
        low = [cv2.resize(p, (8, 8), interpolation=cv2.INTER_AREA).astype(float) for p in pictures]
        distances = [np.abs(a - b).mean() for i, a in enumerate(low) for b in low[:i]]
        assert min(distances) > 4 and np.mean(distances) > 25


def test_photos_are_well_exposed(many):
    for picture in many[draw_photo]:
        assert 60 < picture.mean() < 200
        assert np.mean(picture.max(-1) > 253) < 0.1


class TestDataSet:
    def test_layout_and_manifest(self, tmp_path):
        folder = make_demo_dataset(tmp_path / "deep" / "set", **SMALL, seed=4)
        assert folder == tmp_path / "deep" / "set"
        assert sorted(contents(folder)) == NAMES
        assert os.listdir(folder.parent) == ["set"]
        for name in set(NAMES) - {"demo.json"}:
            assert read_rgb(folder / name).shape == (64, 64, 3)
        parameters = json.loads((folder / "demo.json").read_text())["parameters"]
        assert parameters == {
            "made_by": "animegan_tf.demo",
            "version": demo.VERSION,
            "seed": 4,
            **SMALL,
        }

    def test_same_seed_same_bytes(self, tmp_path):
        one, two, other = (
            contents(make_demo_dataset(tmp_path / name, **SMALL, seed=seed))
            for name, seed in (("1", 0), ("2", 0), ("3", 1))
        )
        assert one == two
        assert all(one[name] != other[name] for name in NAMES)

    def test_no_picture_twice(self, tmp_path):
        drawn = contents(make_demo_dataset(tmp_path / "set", **SMALL))
        assert len(set(drawn.values())) == len(NAMES)

    def test_more_pictures_begin_with_the_same(self, tmp_path):
        few = contents(make_demo_dataset(tmp_path / "few", **SMALL))
        more = contents(make_demo_dataset(tmp_path / "more", **{**SMALL, "photos": 4}))
        assert {name: more[name] for name in few if name != "demo.json"} == {
            name: few[name] for name in few if name != "demo.json"
        }

    def test_a_finished_set_is_kept(self, tmp_path):
        folder = make_demo_dataset(tmp_path / "set", **SMALL)
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        (folder / "Demo" / "smooth").mkdir()
        (folder / "Demo" / "smooth" / "000.png").write_bytes(b"made from the style pictures")
        before.update({path: path.stat().st_mtime_ns for path in folder.rglob("*")})
        make_demo_dataset(folder, **SMALL)
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

    def test_other_parameters_draw_anew(self, tmp_path):
        folder = make_demo_dataset(tmp_path / "set", **{**SMALL, "photos": 5})
        make_demo_dataset(folder, **SMALL)
        assert contents(folder) == contents(make_demo_dataset(tmp_path / "fresh", **SMALL))

    def test_another_version_draws_anew(self, tmp_path, monkeypatch):
        folder = make_demo_dataset(tmp_path / "set", **SMALL)
        monkeypatch.setattr(demo, "VERSION", demo.VERSION + 1)
        make_demo_dataset(folder, **SMALL)
        manifest = json.loads((folder / "demo.json").read_text())
        assert manifest["parameters"]["version"] == demo.VERSION

    def test_a_missing_picture_is_drawn_again(self, tmp_path):
        folder = make_demo_dataset(tmp_path / "set", **SMALL)
        before = contents(folder)
        (folder / "val" / "001.jpg").unlink()
        make_demo_dataset(folder, **SMALL)
        assert contents(folder) == before

    def test_an_empty_folder_is_filled(self, tmp_path):
        make_demo_dataset(tmp_path, **SMALL)
        assert sorted(contents(tmp_path)) == NAMES

    def test_goes_on_after_a_kill(self, tmp_path, monkeypatch):
        folder, partial = tmp_path / "set", tmp_path / "set.partial"
        parameters = {**SMALL, "photos": 12}
        written = []

        def killed_after_three(path, *arguments, **options):
            if len(written) >= 3:
                path.with_name(".half.tmp").write_bytes(b"\xff\xd8")  # What a kill leaves behind.
                raise KeyboardInterrupt
            write_image(path, *arguments, **options)
            written.append(path)

        with monkeypatch.context() as patch:
            patch.setattr(demo, "write_image", killed_after_three)
            with pytest.raises(KeyboardInterrupt):
                make_demo_dataset(folder, **parameters)
        assert not folder.exists()
        drawn = {path: path.stat().st_mtime_ns for path in partial.rglob("*.jpg")}
        assert set(drawn) == set(written) and list(partial.rglob(".half.tmp"))
        make_demo_dataset(folder, **parameters)
        assert contents(folder) == contents(make_demo_dataset(tmp_path / "fresh", **parameters))
        assert not partial.exists()
        for path, when in drawn.items():
            assert (folder / path.relative_to(partial)).stat().st_mtime_ns == when

    @pytest.mark.parametrize("before", [{**SMALL, "seed": 1}, None])
    def test_a_stopped_run_for_another_set_leaves_no_trace(self, tmp_path, before):
        partial = tmp_path / "set.partial"
        if before is None:
            partial.mkdir()
        else:
            make_demo_dataset(partial, **before)
            (partial / "val" / "001.jpg").unlink()
        folder = make_demo_dataset(tmp_path / "set", **SMALL)
        assert contents(folder) == contents(make_demo_dataset(tmp_path / "fresh", **SMALL))
        assert not partial.exists()


class TestForeignFiles:
    @pytest.fixture
    def folder(self, tmp_path):
        return make_demo_dataset(tmp_path / "set", **SMALL)

    def refused(self, folder, **parameters):
        before = contents(folder.parent)
        with pytest.raises(UserError) as caught:
            make_demo_dataset(folder, **{**SMALL, **parameters})
        assert contents(folder.parent) == before
        return str(caught.value)

    def test_somebodys_folder(self, tmp_path):
        (tmp_path / "train_photo").mkdir()
        (tmp_path / "train_photo" / "000.jpg").write_bytes(b"holiday")
        assert "train_photo/000.jpg" in self.refused(tmp_path)

    def test_somebodys_manifest(self, tmp_path):
        (tmp_path / "demo.json").write_text('{"parameters": {}}')
        assert "demo.json" in self.refused(tmp_path)

    def test_an_added_file(self, folder):
        (folder / "val" / "mine.jpg").write_bytes(b"holiday")
        assert "val/mine.jpg" in self.refused(folder, seed=1)

    def test_a_changed_picture(self, folder):
        (folder / "val" / "000.jpg").write_bytes(b"retouched")
        assert "val/000.jpg" in self.refused(folder, seed=1)

    def test_a_file_in_place_of_the_folder(self, tmp_path):
        (tmp_path / "set").write_bytes(b"notes")
        assert "not a folder" in self.refused(tmp_path / "set")

    def test_somebodys_partial_folder(self, tmp_path):
        (tmp_path / "set.partial").mkdir()
        (tmp_path / "set.partial" / "notes.txt").write_bytes(b"notes")
        assert "set.partial" in self.refused(tmp_path / "set")


def test_all_parameters_are_checked_at_once(tmp_path):
    with pytest.raises(UserError) as caught:
        make_demo_dataset(tmp_path / "set", photos=0, anime=0, val=-1, size=63, seed=-1)
    assert [finding.where for finding in caught.value.findings] == [
        "--photos=0",
        "--anime=0",
        "--val=-1",
        "--size=63",
        "--seed=-1",
    ]
    assert not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("notes")
    with pytest.raises(UserError, match=r"Not a directory.*another folder"):
        make_demo_dataset(tmp_path / "file" / "set", **SMALL)

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(demo, "write_image", full_disk)
    with pytest.raises(UserError, match="No space left"):
        make_demo_dataset(tmp_path / "set", **SMALL)
    monkeypatch.undo()
    assert sorted(contents(make_demo_dataset(tmp_path / "set", **SMALL))) == NAMES


def test_command_line(tmp_path, capsys):
    folder = str(tmp_path / "set")
    sizes = ["--photos=3", "--anime=2", "--val=2", "--size=64"]
    assert main(["animegan", "draw", folder, *sizes]) == 0
    assert folder in capsys.readouterr().out
    assert sorted(contents(tmp_path / "set")) == NAMES
    assert main(["animegan", "draw"]) == 2
    assert "FOLDER" in capsys.readouterr().err


def test_two_processes_do_not_draw_one_set(tmp_path):
    folder = tmp_path / "made" / "set"
    folder.parent.mkdir()
    with (
        locked(folder.parent, name=".set.lock"),
        pytest.raises(UserError, match="another process is drawing set in this folder"),
    ):
        make_demo_dataset(folder, **SMALL)
    make_demo_dataset(folder, **SMALL)
    assert [path.name for path in folder.parent.iterdir()] == ["set"]


def test_a_disk_too_small_is_said_before_work(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match="1 MB are free, and the pictures need 838,862 MB"):
        make_demo_dataset(tmp_path / "large", photos=10**6, anime=1, val=0, size=2048)
    assert list(tmp_path.iterdir()) == []


def test_a_set_has_no_place_at_the_root_or_behind_a_dead_link(tmp_path, monkeypatch):
    (tmp_path / "dead").symlink_to("nowhere")
    with pytest.raises(UserError, match="a file, not a folder"):
        make_demo_dataset(tmp_path / "dead", **SMALL)
    with pytest.raises(UserError, match="no place for a data set"):
        make_demo_dataset("/", **SMALL)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dead").symlink_to("nowhere")
    with pytest.raises(UserError, match="holds 1 files other than"):
        make_demo_dataset(tmp_path / "home", **SMALL)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert make_demo_dataset(".", **SMALL) == tmp_path / "here"
    assert sorted(contents(tmp_path / "here")) == NAMES
