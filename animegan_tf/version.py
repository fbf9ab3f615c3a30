"""The version, importable without TensorFlow."""

__version__ = "1.0.0"
