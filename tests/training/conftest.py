import dataclasses

import numpy as np
import pytest
from tiny_training import CONFIG, vgg19

from animegan_tf.data.batches import TrainingData, load_validation
from animegan_tf.data.find import TrainingFiles
from animegan_tf.images import write_image
from animegan_tf.training.trainer import Trainer


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.RandomState(0)
    paths = {}
    for kind, count in (("photo", 5), ("anime", 6)):
        paths[kind] = [folder / f"{kind}{i}.png" for i in range(count)]
        for path in paths[kind]:
            blocks = rng.randint(0, 256, (8, 8, 3)).repeat(5, 0).repeat(5, 1)
            write_image(path, blocks.astype(np.uint8))
    return TrainingFiles(
        photos=tuple(paths["photo"]),
        anime=tuple(paths["anime"]),
        smooth=(),
        val=tuple(paths["photo"][:2]),
    )


@pytest.fixture(scope="module")
def trainer_in(files, kept_states, tmp_path_factory):
    cache = tmp_path_factory.mktemp("edges")

    def make(run_dir, **changes):
        config = dataclasses.replace(CONFIG, **changes)
        run_dir.mkdir(exist_ok=True)
        data = TrainingData(
            files, image_size=32, batch_size=2, seed=config.seed, flip=True, cache_dir=cache
        )
        data.prepare_edges()
        return Trainer(
            config,
            run_dir,
            data,
            load_validation(files, image_size=32, count=2),
            vgg19("float32"),
        )

    return make
