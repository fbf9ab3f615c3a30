#!/usr/bin/env python3
"""Styles a photo on a TensorFlow Serving server.

    python serving_client.py --model shinkai photo.jpg                    # REST
    python serving_client.py --model shinkai --grpc localhost:8500 photo.jpg

REST needs nothing but Python; gRPC needs `pip install tensorflow-serving-api`.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(description="Styles a photo on a TensorFlow Serving server.")
    parser.add_argument("photo", type=Path, help="a JPEG, PNG, GIF or BMP file")
    parser.add_argument("--model", required=True, help="name of the model on the server")
    parser.add_argument("--url", default="http://localhost:8501", help="of the REST interface")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="use gRPC instead of REST")
    parser.add_argument("--output", type=Path, help="PNG; default: PHOTO_anime.png")
    parser.add_argument("--timeout", type=float, default=60, help="seconds")
    args = parser.parse_args()

    output = args.output or args.photo.with_name(args.photo.stem + "_anime.png")
    if output.exists() and output.samefile(args.photo):
        parser.error("the output is the photo itself")
    try:
        photo = args.photo.read_bytes()
        if args.grpc:
            png = stylize_by_grpc(photo, args.grpc, args.model, args.timeout)
        else:
            png = stylize_by_rest(photo, args.url, args.model, args.timeout)
    except (OSError, ServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    output.write_bytes(png)
    print(output)
    return 0


class ServerError(Exception):
    """What the server said."""


def stylize_by_rest(photo: bytes, url: str, model: str, timeout: float) -> bytes:
    """The row form: base64 there and back, one picture a row."""
    rows = [{"image_bytes": {"b64": base64.b64encode(photo).decode()}}]
    request = urllib.request.Request(
        f"{url}/v1/models/{model}:predict",
        json.dumps({"instances": rows}).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            (row,) = json.load(response)["predictions"]
    except urllib.error.HTTPError as error:
        raise ServerError(error.read().decode(errors="replace")) from error
    return base64.b64decode(row["b64"])


def stylize_by_grpc(photo: bytes, address: str, model: str, timeout: float) -> bytes:
    """Raw bytes there and back. gRPC's own limit of 4 MB a message is lifted."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = "serving_default"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([photo]))
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, unlimited) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            response = service.Predict(request, timeout)
        except grpc.RpcError as error:
            raise ServerError(error.details()) from error
    return response.outputs["image_bytes"].string_val[0]


if __name__ == "__main__":
    sys.exit(main())
