"""A trained generator for servers and phones: SavedModel, TFLite, ONNX.

One module a target. What all share: `parity` (every file is read back by its own runtime and
compared with the Keras model before it is put in place), `photos` (the pictures for that) and
`report`.
"""
