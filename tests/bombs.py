"""Files that declare more than they hold, or ask for more work than they are worth."""

import io
import struct
import zlib

from PIL import Image


def jpeg_of_scans(extra, height=40, width=40):
    """A progressive JPEG whose last scan, which changes nothing any more, is repeated."""
    file = io.BytesIO()
    Image.new("L", (width, height), 77).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    return data[:-2] + data[data.rindex(b"\xff\xc4") : -2] * extra + data[-2:]


def png_claiming(width, height):
    """A black-and-white PNG of that size by its header, without any pixels."""

    def chunk(name, content):
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
