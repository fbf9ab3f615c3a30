"""`animegan styles`, with a style drawn for the test."""

import re

import pytest
from test_styles import sketch  # noqa: F401

from animegan_tf import styles
from animegan_tf.cli.main import main
from animegan_tf.images import write_image


@pytest.mark.usefixtures("sketch")
def test_the_list_names_license_size_figures_and_faults(capsys):
    assert main(["animegan", "styles"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("sketch: A style for tests.\n")
    for line in ("license: CC0-1.0", "KID: 0.1", "known faults: means nothing"):
        assert f"  {line}\n" in shown + "\n"
    assert re.search(r"  generator\.keras: 0\.\d MB\n", shown)


def test_the_page_holds_the_pictures(sketch, tmp_path, capsys):  # noqa: F811
    import numpy as np

    for name in ("a.jpg", "b.jpg"):
        write_image(sketch / name, np.zeros((8, 8, 3), np.uint8))
    page = tmp_path / "styles.html"
    assert main(["animegan", "styles", f"--output={page}"]) == 0
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 2
    assert "A hill" in text and "CC0-1.0" in text
    assert main(["animegan", "styles", f"--output={page}"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main(["animegan", "styles", f"--output={page}", "--overwrite"]) == 0


def test_a_copy_without_styles_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(styles, "FOLDER", tmp_path)
    assert main(["animegan", "styles"]) == 2
    assert "no style comes with this copy" in capsys.readouterr().err
