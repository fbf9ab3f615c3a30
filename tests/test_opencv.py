"""OpenCV that does not load."""

import importlib
import sys

import pytest


@pytest.mark.parametrize(
    "broken, advice",
    [
        (
            "raise ImportError('libGL.so.1: cannot open shared object file')",
            "apt-get install libgl1",
        ),
        (
            "raise ModuleNotFoundError(\"No module named 'cv2'\", name='cv2')",
            "pip install opencv-python",
        ),
    ],
)
def test_opencv_without_libgl_gives_one_clear_line(tmp_path, monkeypatch, broken, advice):
    (tmp_path / "cv2.py").write_text(broken)
    monkeypatch.syspath_prepend(tmp_path)
    for name in list(sys.modules):
        if name.startswith(("cv2", "animegan_tf.opencv", "animegan_tf.images")):
            monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=advice) as raised:
        importlib.import_module("animegan_tf.images")
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None and raised.value.__suppress_context__
