import numpy as np
import pytest
from PIL import Image

from animegan_tf.images import read_rgb
from animegan_tf.training import samples


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
        for text in (">epoch 2<", ">epoch 1<", ">pre-training 1<", ">before training<")
    ]
    assert order == sorted(order)


def test_grids_of_later_epochs_than_the_resumed_one_are_left_out(folder):
    pictures = np.zeros((2, 16, 16, 3), np.float32)
    samples.write_epoch(folder, 2, 1, pictures, pictures)
    assert "epoch_003.png" not in (folder / "index.html").read_text()


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
    samples.plot_losses(csv, tmp_path / "losses.png", pretrain_steps=1)
    assert read_rgb(tmp_path / "losses.png").std() > 5
    assert sorted(p.name for p in tmp_path.iterdir()) == ["losses.png", "metrics.csv"]
