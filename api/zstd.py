"""zstd for answers, beside the framework's gzip: a third of the CPU for the same bytes."""

from io import BytesIO
from typing import Any, ClassVar

import zstandard
from litestar.config.compression import CompressionConfig
from litestar.middleware.compression import CompressionFacade

LEVEL = 3
PACKED = "packed_already"
"""Said by a route in `opt`: its answers come compressed."""


class ZstdCompression(CompressionFacade):
    """A stream of zstd into the framework's buffer."""

    encoding: ClassVar[str] = "zstd"

    def __init__(self, buffer: BytesIO, compression_encoding: str, *, config: Any) -> None:
        self.buffer = buffer
        self.compression_encoding = compression_encoding
        self._writer = zstandard.ZstdCompressor(level=LEVEL).stream_writer(buffer, closefd=False)

    def write(self, body: bytes) -> None:
        """Some of the body, ready to be sent."""
        self._writer.write(body)
        self._writer.flush(zstandard.FLUSH_BLOCK)

    def close(self) -> None:
        """The end of the stream."""
        self._writer.flush(zstandard.FLUSH_FRAME)


def compression() -> CompressionConfig:
    """zstd where it is accepted, gzip where only that is, nothing for what fits a packet."""
    return CompressionConfig(
        backend="zstd",
        compression_facade=ZstdCompression,
        gzip_fallback=True,
        gzip_compress_level=4,
        minimum_size=400,
        exclude_opt_key=PACKED,
    )
