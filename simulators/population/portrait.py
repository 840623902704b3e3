"""A drawn portrait that passes as one for software: 480 × 640 JPEG, face centred, plain background."""

import io
import random

from PIL import Image, ImageDraw, ImageFilter

from simulators.population.people import Person

WIDTH, HEIGHT = 480, 640
_QUALITY = 88
_SKIN = ((241, 206, 175), (224, 180, 145), (198, 150, 112), (172, 121, 86))
_HAIR = ((28, 22, 20), (54, 38, 28), (92, 64, 44), (120, 118, 118))
_CLOTHES = ((38, 52, 84), (70, 70, 74), (96, 38, 44), (34, 82, 70))
_BACKGROUND = (226, 230, 234)

_Box = tuple[int, int, int, int]
_FACE: _Box = (145, 150, 335, 410)
_NECK: _Box = (200, 370, 280, 480)
_SHOULDERS: _Box = (60, 450, 420, 860)
_COVER: _Box = (115, 110, 365, 500)
_CAP: _Box = (135, 115, 345, 330)
_EYES: tuple[_Box, _Box] = ((182, 262, 218, 280), (262, 262, 298, 280))
_BROWS: tuple[_Box, _Box] = ((176, 238, 224, 246), (256, 238, 304, 246))
_MOUTH: _Box = (210, 345, 270, 367)
_NOSE = ((240, 275), (228, 320), (252, 320))
_PUPIL = 7


def draw_portrait(person: Person) -> bytes:
    """The person's portrait as JPEG bytes, the same each time."""
    chance = random.Random(f"hoviat portrait {person.national_code}")  # noqa: S311
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    pen = ImageDraw.Draw(image)
    skin, hair = chance.choice(_SKIN), chance.choice(_HAIR)
    clothes = chance.choice(_CLOTHES)
    pen.ellipse(_SHOULDERS, fill=clothes)
    if person.sex == "F":
        pen.ellipse(_COVER, fill=clothes)  # a head scarf
    else:
        pen.ellipse(_CAP, fill=hair)
    pen.rectangle(_NECK, fill=skin if person.sex == "M" else clothes)
    pen.ellipse(_FACE, fill=skin)
    _draw_features(pen, hair)
    output = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(0.6)).save(output, "JPEG", quality=_QUALITY)
    return output.getvalue()


def _draw_features(pen: ImageDraw.ImageDraw, hair: tuple[int, int, int]) -> None:
    for brow in _BROWS:
        pen.rounded_rectangle(brow, radius=4, fill=hair)
    for left, top, right, bottom in _EYES:
        pen.ellipse((left, top, right, bottom), fill="white")
        x, y = (left + right) // 2, (top + bottom) // 2
        pen.ellipse((x - _PUPIL, y - _PUPIL, x + _PUPIL, y + _PUPIL), fill=(40, 30, 26))
    pen.line(_NOSE, fill=(120, 84, 62), width=2)
    pen.rounded_rectangle(_MOUTH, radius=9, fill=(168, 84, 78))
