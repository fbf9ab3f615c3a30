"""A trained generator for servers, phones, and browsers.

saved_model       TensorFlow Serving: the graph and its signatures
picture_bytes     encoded pictures inside that graph
serving           warm-up requests and configuration for the server
tflite            phones
onnx              ONNX Runtime and what reads its files
onnx_expressions  arithmetic as nodes of an ONNX graph
web               a browser page
npm_packages      what that page runs on
parity            reads each file back by its own runtime and compares it with the Keras model
photos            the pictures for that
lighter           generators of less width beside the exported one
report            what was written, in report.md and report.json
"""
