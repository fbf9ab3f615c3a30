"""TFLite for phones: float32, float16, dynamic-range int8 and int8, built-in operations only.

`exporter` writes the files: `conversion` makes those that need no calibration, `quantization` (with
`equalize`) those of int8, `runtime` runs them, `metadata` says what they are.
"""
