"""Small data sets in the authors' layout, for tests that start whole programs."""

import numpy as np

from animegan_tf.images import write_image


def write_ghibli(folder, photos, anime):
    """Writes `dataset/` with so many 48x48 pictures, all different, and one for validation."""
    rng = np.random.RandomState(0)
    for kind, count in (("train_photo", photos), ("Ghibli/style", anime), ("val", 1)):
        for i in range(count):
            path = folder / "dataset" / kind / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(
                path, rng.randint(0, 256, (8, 8, 3)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
            )
