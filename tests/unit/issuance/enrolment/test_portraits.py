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


ORIENTATION = 0x0112
_TURNED, _UPSIDE_DOWN = 6, 3  # Exif 2.32, table 6


def marked(orientation: int, size: tuple[int, int]) -> bytes:
    """An image with a dark corner at its stored top left."""
    image = Image.new("RGB", size, "white")
    image.paste("black", (0, 0, 100, 100))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    output = io.BytesIO()
    image.save(output, "JPEG", exif=exif)
    return output.getvalue()


@pytest.mark.parametrize(
    ("orientation", "stored", "dark"),
    [(1, (480, 640), (10, 10)), (_UPSIDE_DOWN, (480, 640), (470, 630)), (_TURNED, (640, 480), (470, 10))],
)
def test_a_portrait_stands_upright_whatever_its_metadata_said(
    orientation: int, stored: tuple[int, int], dark: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(normalise_portrait(marked(orientation, stored)))) as image:
        assert image.size == (480, 640)
        assert ORIENTATION not in image.getexif()
        assert image.convert("L").getpixel(dark) < 60  # type: ignore[operator]
        assert image.convert("L").getpixel((240, 320)) > 200  # type: ignore[operator]


def test_an_image_that_is_upright_by_its_metadata_alone_is_refused_lying() -> None:
    with pytest.raises(InvalidPortraitError):
        normalise_portrait(marked(_TURNED, (480, 640)))


def scans(count: int) -> bytes:
    """A progressive JPEG whose last scan comes again and again."""
    output = io.BytesIO()
    Image.new("RGB", (480, 640), 128).save(output, "JPEG", progressive=True)
    data = output.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * count + data[-2:]


def test_a_progressive_image() -> None:
    assert normalise_portrait(scans(0))


@pytest.mark.parametrize(
    "behind", [b"PK\x03\x04" + bytes(50), b"<?php system($_GET[0]); ?>", b"%PDF-1.7", b"\x7fELF"]
)
def test_a_file_that_is_two_things_at_once_is_one_afterwards(behind: bytes) -> None:
    comment = struct.pack(">HH", 0xFFFE, len(behind) + 2) + behind
    data = jpeg(480, 640)
    for polyglot in (data + behind, data[:2] + comment + data[2:]):
        assert behind not in normalise_portrait(polyglot)


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_hostile_profiles_are_dropped(mode: str) -> None:
    data = jpeg(480, 640, mode, icc_profile=b"no profile at all" * 100)
    assert b"no profile" not in normalise_portrait(data)


def test_every_cut_is_refused_or_plain() -> None:
    data = draw_portrait(People(1).person(0))
    for end in range(0, len(data) - 2, 997):
        with pytest.raises(InvalidPortraitError):
            normalise_portrait(data[:end])


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
        scans(100),
        jpeg(2400, 1801),
        jpeg(65_000, 16),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(InvalidPortraitError) as refused:
        normalise_portrait(data)
    assert refused.value.reason
