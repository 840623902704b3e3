"""A portrait that is safe to keep, to show and to put on a card: bounded, decoded and written anew.

Writing anew drops metadata (place, camera), thumbnails and whatever else rides behind the pixels. Which
way is up is metadata too: it is heeded before it goes.
"""

import io
import warnings
from concurrent.futures import ThreadPoolExecutor

from PIL import Image, ImageOps, UnidentifiedImageError

from issuance.errors import InvalidPortraitError

MAX_BYTES = 512 * 1024
MIN_WIDTH, MIN_HEIGHT = 240, 320
MAX_WIDTH, MAX_HEIGHT = 1800, 2400
_MIN_RATIO, _MAX_RATIO = 1.2, 1.5  # height to width; ISO/IEC 19794-5 token images have 4:3
_JPEG_START = b"\xff\xd8\xff"  # ITU-T T.81 annex B: SOI, then a marker
_START_OF_SCAN = b"\xff\xda"  # annex B.2.3
_MAX_SCANS = 64
"""Cameras write one to a dozen. Each scan of a progressive image goes over all pixels: many are a bomb."""
_QUALITY = 90
_AT_ONCE = 4
_decoders = ThreadPoolExecutor(_AT_ONCE, "portraits")
"""A file of 26 kB may hold the largest image, whose pixels take 45 MB while they are turned and converted:
one for each of the server's threads would be 1.8 GB. Threads of their own, because the allocator keeps what a
thread had for that thread."""


def normalise_portrait(data: bytes) -> bytes:
    """The portrait as a plain RGB JPEG of the same size in pixels. Raises InvalidPortraitError."""
    if len(data) > MAX_BYTES:
        raise InvalidPortraitError(f"has more than {MAX_BYTES // 1024} KiB")
    if not data.startswith(_JPEG_START):
        raise InvalidPortraitError("is not a JPEG image")
    if data.count(_START_OF_SCAN) > _MAX_SCANS:
        raise InvalidPortraitError("has too many scans")
    return _decoders.submit(_written_anew, data).result()


def _written_anew(data: bytes) -> bytes:
    output = io.BytesIO()
    _decode(data).save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()


def _decode(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
                _check_pixels(*image.size)  # from the header: nothing is decompressed yet
                upright = ImageOps.exif_transpose(image).convert("RGB")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidPortraitError("is far too large") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise InvalidPortraitError("can't be decoded") from error
    _check_shape(*upright.size)
    upright.info.clear()  # Pillow would write the old comment into the new file
    return upright


def _check_pixels(width: int, height: int) -> None:
    """Either way up."""
    if max(width, height) > MAX_HEIGHT or min(width, height) > MAX_WIDTH:
        raise InvalidPortraitError(f"has {width} × {height} pixels, more than are accepted")


def _check_shape(width: int, height: int) -> None:
    if not (MIN_WIDTH <= width <= MAX_WIDTH and MIN_HEIGHT <= height <= MAX_HEIGHT):
        raise InvalidPortraitError(
            f"has {width} × {height} pixels; "
            f"{MIN_WIDTH} × {MIN_HEIGHT} to {MAX_WIDTH} × {MAX_HEIGHT} are accepted"
        )
    if not _MIN_RATIO <= height / width <= _MAX_RATIO:
        raise InvalidPortraitError("must be upright, about 4 high to 3 wide")
