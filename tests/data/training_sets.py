"""Small training sets, for tests of finding, checking, and streaming them."""

import numpy as np

from animegan_tf.data.batches import KEYS, TrainingData
from animegan_tf.data.find import find_training_files
from animegan_tf.images import resize, write_image

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
