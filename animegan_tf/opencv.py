"""OpenCV, or a word on what to install: `from animegan_tf.opencv import cv2`."""

from __future__ import annotations

try:
    import cv2
except ModuleNotFoundError as error:
    raise ImportError(f"OpenCV is missing ({error}): pip install opencv-python") from None
except ImportError as error:
    raise ImportError(
        f"OpenCV does not load ({error}): apt-get install libgl1, or pip install "
        "opencv-python-headless in place of opencv-python"
    ) from None

__all__ = ["cv2"]
