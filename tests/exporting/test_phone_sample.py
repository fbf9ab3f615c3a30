"""The Python of docs/phones.md runs as it stands there."""

import re

import numpy as np
from PIL import Image
from project import ROOT

from animegan_tf.exporting.photos import fit
from animegan_tf.exporting.tflite.conversion import Variant, convert
from animegan_tf.images import to_uint8


def test_the_sample_gives_what_keras_gives(generator, reference, photos, tmp_path):
    variant = Variant("float16", 64, "float32")
    path = tmp_path / variant.file_name
    path.write_bytes(convert(generator, variant))
    text = (ROOT / "docs" / "phones.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    names = {"__name__": "sample"}
    exec(sample, names)
    photo = fit(photos[0], 64, 64)
    anime = np.asarray(names["stylize"](str(path), Image.fromarray(photo)))
    apart = np.abs(anime.astype(int) - to_uint8(reference(photo)))
    assert apart.mean() < 1 and anime.std() > 5
