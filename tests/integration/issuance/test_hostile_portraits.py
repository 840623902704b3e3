"""Hostile images and bodies at the portrait's door, against a server process whose memory is measured."""

import base64
import io
import itertools
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from simulators.actors.operator import first_password
from simulators.installation.services import initialise
from simulators.population.people import People, Person
from simulators.process import free_port, python_process

MEGABYTE = 1024 * 1024
MOST_GROWTH = 400 * MEGABYTE
"""Of the server's memory, whatever is sent by many at once: forty images of the largest size took 1.8 GB."""
AT_ONCE = 40
_RESET_PEAK = "5"  # proc(5), clear_refs


def image(kind: str, size: tuple[int, int] = (480, 640), **options: Any) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(output, kind, **options)
    return output.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    """A JPEG segment (ITU-T T.81 annex B.1.1.4)."""
    return struct.pack(">HH", marker, len(content) + 2) + content


def with_segments(*segments: bytes) -> bytes:
    data = image("JPEG")
    return data[:2] + b"".join(segments) + data[2:]


def exif_loop() -> bytes:
    """A directory whose next directory is itself, and a thumbnail's that lies behind the end."""
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x0112, 3, 0xFFFFFFFF, 8)
    directory = struct.pack("<H", 2) + entries + struct.pack("<I", 8)
    return with_segments(segment(0xFFE1, b"Exif\0\0II*\0\x08\0\0\0" + directory))


def claiming(width: int, height: int) -> bytes:
    """A small image whose header says so much (annex B.2.2)."""
    data = bytearray(image("JPEG"))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


WAVELET = image("JPEG2000")
REFUSED = {
    "PNG": image("PNG"),
    "GIF": image("GIF"),
    "WebP": image("WEBP"),
    "TIFF": image("TIFF"),
    "JPEG 2000": WAVELET,
    "JPEG 2000, cut": WAVELET[: len(WAVELET) // 2],
    "JPEG, cut": image("JPEG")[:500],
    "JPEG, beginning only": b"\xff\xd8\xff\xe0",
    "picture that runs scripts": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "archive in front": b"PK\x03\x04" + image("JPEG"),
    "65,535 × 65,535": claiming(65_535, 65_535),
    "16 × 65,000": claiming(16, 65_000),
    "largest and one more": image("JPEG", (1801, 2400)),
    "too many bytes": image("JPEG") + bytes(512 * 1024),
    "nothing": b"",
}
PLAIN_AFTERWARDS = {
    "script behind": image("JPEG") + b"<script>alert(1)</script>",
    "archive behind": image("JPEG") + b"PK\x05\x06" + bytes(18),
    "program in a comment": with_segments(segment(0xFFFE, b"<?php system($_GET[0]); ?>")),
    "directories in a ring": exif_loop(),
    "metadata of 480 kB": with_segments(*[segment(0xFFE1, b"Exif\0\0" + b"A" * 59_990)] * 8),
    "a profile in pieces": with_segments(*[segment(0xFFE2, b"ICC_PROFILE\0\xff\x01" + b"A" * 60_000)] * 5),
}
FOREIGN = (b"script", b"PK\x05\x06", b"<?php", b"ICC_PROFILE", b"Exif", b"AAAAAAAA")


@dataclass(frozen=True)
class Server:
    """The registry in a process of its own, and a clerk who is signed in."""

    pid: int
    api: httpx.Client
    people: Iterator[Person]

    def offer(self, portrait: object) -> httpx.Response:
        """As that of somebody who has no application yet."""
        return self.api.post("/applications", json=application(next(self.people), portrait))

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text(_RESET_PEAK)

    def peak(self) -> int:
        """The most memory that was resident since, bytes."""
        (line,) = [
            line for line in Path(f"/proc/{self.pid}/status").read_text().splitlines() if "VmHWM" in line
        ]
        return int(line.split()[1]) * 1024


def application(person: Person, portrait: object) -> dict[str, object]:
    body: dict[str, object] = {
        "national_code": person.national_code,
        "birth_date": person.birth_date.isoformat(),
    }
    return body | {
        "portrait": base64.b64encode(portrait).decode() if isinstance(portrait, bytes) else portrait
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, port = initialise(tmp_path_factory.mktemp("portraits") / "home"), free_port()
    serve = ["-m", "hoviat", "--home", str(home.root), "serve", "--port", str(port)]
    with (
        python_process(serve, port) as pid,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/issuance/v1", timeout=60) as api,
    ):
        password = first_password(home, "clerk-1")
        signed_in = api.post("/sessions", json={"username": "clerk-1", "password": password})
        api.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"
        api.headers["Hoviat-Purpose"] = "enrolment"
        yield Server(pid, api, map(People(1).person, itertools.count()))


@pytest.mark.parametrize("portrait", REFUSED.values(), ids=REFUSED)
def test_an_image_that_is_none_of_ours_is_refused(portrait: bytes, server: Server) -> None:
    answer = server.offer(portrait)
    assert answer.status_code in {413, 422}, answer.text
    assert answer.json()["type"].startswith("urn:hoviat:problem:")


@pytest.mark.parametrize("portrait", PLAIN_AFTERWARDS.values(), ids=PLAIN_AFTERWARDS)
def test_what_rides_with_an_image_goes_no_further(portrait: bytes, server: Server) -> None:
    answer = server.offer(portrait)
    if answer.status_code == 422:
        assert answer.json()["type"] == "urn:hoviat:problem:invalid-portrait"
        return
    assert answer.status_code == 201, answer.text
    here = f"/applications/{answer.json()['id']}"
    kept = server.api.get(f"{here}/portrait")
    assert kept.headers["content-type"] == "image/jpeg"
    assert not [word for word in FOREIGN if word in kept.content]
    with Image.open(io.BytesIO(kept.content)) as plain:
        assert (plain.format, plain.mode, plain.size, dict(plain.getexif())) == (
            "JPEG",
            "RGB",
            (480, 640),
            {},
        )


@pytest.mark.parametrize(
    "portrait", [None, 7, True, [], {}, "no base 64!", "====", "AAAA" * 200_000, ["/9j/"], "\x00"], ids=str
)
def test_a_portrait_of_another_type_is_refused(portrait: object, server: Server) -> None:
    answer = server.offer(portrait)
    assert answer.status_code == 422, answer.text
    assert "AAAA" not in answer.text


def test_bodies_of_a_hundred_megabytes_are_not_taken_in(server: Server) -> None:
    """Announced or not, JSON or form: refused at the bound, and the memory does not grow by them."""
    server.offer(b"")
    before = server.peak()
    server.forget_peak()
    chunk = b"A" * MEGABYTE
    places = ("/applications", "../applications/new")
    for place, announced in itertools.product(places, (True, False)):
        headers = {"Content-Type": "application/json"} | (
            {"Content-Length": str(100 * MEGABYTE)} if announced else {}
        )
        with suppress(httpx.WriteError, httpx.RemoteProtocolError, httpx.ReadError):  # it hangs up meanwhile
            answer = server.api.post(place, content=itertools.repeat(chunk, 100), headers=headers)
            assert answer.status_code in {413, 303}, answer.text
    assert server.peak() < before + 30 * MEGABYTE
    assert server.offer(b"").status_code == 422


def test_forty_of_the_largest_images_at_once(server: Server) -> None:
    """26 kB each, and some 45 MB while they are decoded."""
    portrait = image("JPEG", (1800, 2400), quality=40, progressive=True)
    assert len(portrait) < 64 * 1024
    server.offer(b"")
    server.forget_peak()
    before = server.peak()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: server.offer(portrait), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {201}
    assert server.peak() < before + MOST_GROWTH
