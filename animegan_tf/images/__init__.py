"""Files to arrays and back: any format, any path, EXIF rotation, transparency.

Pixels are RGB uint8 here, (H, W, 3), and gray uint8, (H, W). `to_float` and `to_uint8` are the
border to the networks' float32 in [-1, 1].

    files     what counts as a picture; reading with a bound; writing whole or not at all
    reading   picture files to arrays
    writing   arrays to picture files
    pixels    arithmetic on arrays
    scans     how many scans a JPEG has
"""

from __future__ import annotations

from animegan_tf.images.files import (
    IMAGE_EXTENSIONS,
    OUTPUT_EXTENSIONS,
    ImageError,
    TooLargeError,
    find_images,
    list_folder,
    read_bytes,
    read_stream,
    write_bytes,
)
from animegan_tf.images.pixels import (
    authors_test_size,
    gray_of,
    match_brightness,
    rescale,
    resize,
    to_float,
    to_uint8,
)
from animegan_tf.images.reading import (
    MAX_PIXELS,
    Image,
    Limits,
    PictureFile,
    read_frames,
    read_gray,
    read_image,
    read_rgb,
    read_rgb_and_gray,
)
from animegan_tf.images.writing import encode_image, write_gif, write_image

__all__ = [
    "IMAGE_EXTENSIONS",
    "MAX_PIXELS",
    "OUTPUT_EXTENSIONS",
    "Image",
    "ImageError",
    "Limits",
    "PictureFile",
    "TooLargeError",
    "authors_test_size",
    "encode_image",
    "find_images",
    "gray_of",
    "list_folder",
    "match_brightness",
    "read_bytes",
    "read_frames",
    "read_gray",
    "read_image",
    "read_rgb",
    "read_rgb_and_gray",
    "read_stream",
    "rescale",
    "resize",
    "to_float",
    "to_uint8",
    "write_bytes",
    "write_gif",
    "write_image",
]
