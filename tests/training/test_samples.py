import numpy as np
import pytest
from PIL import Image

from animegan_tf.images import read_rgb
from animegan_tf.training import samples
from animegan_tf.training.loss_curves import plot_losses


@pytest.fixture
def folder(tmp_path):
    photos = np.full((2, 16, 16, 3), -0.5, np.float32)
    for epoch in range(4):
        results = np.full((2, 16, 16, 3), epoch / 4, np.float32)
        samples.write_epoch(tmp_path / "samples", epoch, 1, photos, results)
    return tmp_path / "samples"


def test_grid_has_photos_above_results(folder):
    grid = read_rgb(folder / "epoch_003.png")
    assert grid.shape == (40, 40, 3)
    assert (grid[:16, :16] == 63).all() and (grid[20:36, :16] == 223).all()


def test_animation_has_a_frame_an_epoch(folder):
    with Image.open(folder / "progress.gif") as gif:
        assert gif.n_frames == 4
        frames = []
        for i in range(4):
            gif.seek(i)
            frames.append(np.asarray(gif.convert("RGB"))[25, 5, 0])
    assert frames == sorted(set(frames))


def test_page_names_phases_newest_first(folder):
    page = (folder / "index.html").read_text()
    order = [
        page.index(text)
        for text in (">epoch 3<", ">epoch 2<", ">epoch 1 (pre-training)<", ">before training<")
    ]
    assert order == sorted(order)


def test_grids_of_later_epochs_than_the_resumed_one_are_left_out(folder):
    pictures = np.zeros((2, 16, 16, 3), np.float32)
    samples.write_epoch(folder, 2, 1, pictures, pictures)
    assert "epoch_003.png" not in (folder / "index.html").read_text()


def test_the_page_begins_with_the_newest_result_before_and_after(folder):
    page = (folder / "index.html").read_text()
    assert "<h1>Training samples: epoch 3</h1>" in page
    assert page.count('class="pair"') == 2, "one for each photo"
    assert page.index('class="pair"') < page.index("<figure>")
    assert 'id="slider"' in page and 'url("epoch_003.png")' in page


def test_the_page_refreshes_itself_until_training_has_ended(folder):
    assert "location.reload()" in (folder / "index.html").read_text()
    pictures = np.zeros((2, 16, 16, 3), np.float32)
    samples.write_epoch(folder, 4, 1, pictures, pictures, finished=True)
    assert "location.reload()" not in (folder / "index.html").read_text()


@pytest.mark.parametrize("content", [b"", b"junk", "half"])
def test_damaged_grids_and_strange_files_are_passed_over(folder, content):
    whole = (folder / "epoch_002.png").read_bytes()
    (folder / "epoch_002.png").write_bytes(
        whole[: len(whole) // 2] if content == "half" else content
    )
    (folder / "epoch_x.png").write_bytes(whole)
    (folder / "epoch_1_old.png").write_bytes(whole)
    pictures = np.zeros((2, 16, 16, 3), np.float32)
    samples.write_epoch(folder, 4, 1, pictures, pictures)
    with Image.open(folder / "progress.gif") as gif:
        assert gif.n_frames == 4
    page = (folder / "index.html").read_text()
    assert "epoch_x" not in page and "epoch_004.png" in page
    assert ("epoch_002.png" in page) == (content == "half"), "its header is whole"


def test_losses_are_drawn(tmp_path):
    csv = tmp_path / "metrics.csv"
    names = (
        "pretrain",
        "generator",
        "content",
        "gray_style",
        "color",
        "adversarial",
        "discriminator",
        "d_anime",
        "d_generated",
        "d_gray",
        "d_edge_gray",
    )
    csv.write_text("step," + ",".join(names) + "\n1,3,,2,,,,,,,,\n2,,5,2,1,1,1,9,1,1,1,1\n")
    plot_losses(csv, tmp_path / "losses.png", pretrain_steps=1)
    assert read_rgb(tmp_path / "losses.png").std() > 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["losses.png", "metrics.csv"]
