"""What `--start_from` begins with."""

import pytest

from animegan_tf.errors import UserError
from animegan_tf.networks.generator import width_of
from animegan_tf.training.start import load_start


@pytest.mark.parametrize("width", [32, 64])
def test_the_start_that_comes_with_the_project_has_the_runs_width(width, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator, description = load_start("photo", width)
    assert width_of(generator) == width and "photo" in description


def test_another_width_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="its width is 32, and the run's is 8"):
        load_start("photo", 8)
