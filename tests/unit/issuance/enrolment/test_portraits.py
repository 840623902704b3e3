"""Good portraits come out plain; everything else is refused before it can hurt."""

import io
import struct

import pytest
from PIL import Image

from issuance.enrolment.portrait import MAX_BYTES, normalise_portrait
from issuance.errors import InvalidPortraitError
from simulators.population.people import People
from simulators.population.portrait import draw_portrait


def jpeg(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    output = io.BytesIO()
    Image.new(mode, (width, height), 128).save(output, "JPEG", **options)
    return output.getvalue()


def test_a_drawn_portrait() -> None:
    portrait = normalise_portrait(draw_portrait(People(1).person(0)))
    with Image.open(io.BytesIO(portrait)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (480, 640))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_colour_models_become_rgb(mode: str) -> None:
    with Image.open(io.BytesIO(normalise_portrait(jpeg(480, 640, mode)))) as image:
        assert image.mode == "RGB"


def test_metadata_and_what_rides_behind_the_image_are_dropped() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at a secret place"
    data = jpeg(480, 640, exif=exif) + b"<script>alert(1)</script>"
    portrait = normalise_portrait(data)
    assert b"secret place" not in portrait
    assert b"script" not in portrait


def png() -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (480, 640)).save(output, "PNG")
    return output.getvalue()


def bomb() -> bytes:
    """A JPEG whose header claims 65,500 × 65,500 pixels."""
    data = bytearray(jpeg(480, 640))
    frame = data.index(b"\xff\xc0")  # SOF0
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        b"GIF89a" + bytes(100),
        png(),
        jpeg(480, 640)[:400],
        jpeg(480, 640)[:-400] + bytes(200),
        jpeg(100, 130),
        jpeg(3000, 4000),
        jpeg(640, 480),
        jpeg(480, 480),
        jpeg(400, 1200),
        bomb(),
        b"\xff\xd8\xff" + bytes(MAX_BYTES),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(InvalidPortraitError) as refused:
        normalise_portrait(data)
    assert refused.value.reason
