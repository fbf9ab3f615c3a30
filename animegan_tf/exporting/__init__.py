"""A trained generator for servers and phones.

saved_model    TensorFlow Serving
tflite         phones; int8 by way of `equalize`
onnx           ONNX Runtime and what reads its files
equalize       spreads a generator's ranges evenly, so that int8 loses less
parity         reads each file back by its own runtime and compares it with the Keras model
photos         the pictures for that
lighter        generators of less width beside the exported one
report         what was written, in report.md and report.json
"""
