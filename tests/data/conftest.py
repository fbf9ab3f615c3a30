import pytest
from training_sets import fill


@pytest.fixture
def data_dir(tmp_path):
    """The authors' layout with 7 photos and 5 anime pictures."""
    root = tmp_path / "dataset"
    fill(root / "train_photo", range(7))
    fill(root / "Hayao" / "style", range(100, 105))
    return root
