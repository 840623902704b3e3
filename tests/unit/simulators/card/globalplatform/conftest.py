"""A host that speaks SCP03 to the simulated card, byte by byte."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.globalplatform import scp03
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.scp03 import SessionKeys
from tests.unit.simulators.card.host import MANAGEMENT_KEY, OK, PIN, PUK, SERIAL

FACTORY_KEYS = KeySet(bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96)))
FACTORY = 0xFF
HOST_CHALLENGE = bytes(range(8))


@dataclass
class GpHost:
    """The state of a channel lives here as long as the card keeps its own."""

    card: SimulatedCard
    level: int = 0
    counter: int = 0
    chaining: bytes = bytes(16)
    keys: SessionKeys = field(default_factory=lambda: SessionKeys(b"", b"", b""))

    def raw(self, command: bytes | str) -> tuple[bytes, int]:
        answer = self.card.transmit(bytes.fromhex(command) if isinstance(command, str) else command)
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def sw(self, command: bytes | str) -> int:
        return self.raw(command)[1]

    def select(self) -> None:
        assert self.sw("00A4040008A000000151000000") == OK

    def initialize(self, version: int = 0) -> tuple[bytes, int]:
        return self.raw(bytes((0x80, 0x50, version, 0, 8)) + HOST_CHALLENGE + b"\x00")

    def begin(self, keys: KeySet = FACTORY_KEYS, version: int = 0) -> bytes:
        """INITIALIZE UPDATE; the host cryptogram that EXTERNAL AUTHENTICATE wants."""
        answer, sw = self.initialize(version)
        assert sw == OK, hex(sw)
        challenge = answer[13:21]
        self.keys = scp03.derive_session_keys(keys.enc, keys.mac, HOST_CHALLENGE, challenge)
        self.chaining, self.counter = bytes(16), 0
        return scp03.host_cryptogram(self.keys, HOST_CHALLENGE, challenge)

    def authenticate(self, cryptogram: bytes, level: int) -> int:
        self.level = 0x01
        sw = self.sw(self.with_mac(bytes((0x84, 0x82, level, 0)), cryptogram))
        self.level = level
        return sw

    def open(self, keys: KeySet = FACTORY_KEYS, version: int = 0, level: int = 0x33) -> int:
        return self.authenticate(self.begin(keys, version), level)

    def with_mac(self, header: bytes, data: bytes) -> bytes:
        protected = header + bytes((len(data) + 8,)) + data
        self.chaining = scp03.cmac(self.keys.mac, self.chaining + protected)
        return protected + self.chaining[:8]

    def wrap(self, plain: bytes) -> bytes:
        """A short command without Le, its class with the secure messaging bit."""
        header, data = bytes((plain[0] | 0x04,)) + plain[1:4], plain[5:]
        self.counter += 1
        if self.level & 0x02 and data:
            vector = scp03.encrypt_block(self.keys.enc, self.counter.to_bytes(16, "big"))
            data = scp03.encrypt(self.keys.enc, vector, data)
        return self.with_mac(header, data)

    def send(self, plain: bytes | str) -> tuple[bytes, int]:
        """Through the channel; a wrong R-MAC fails the test."""
        plain = bytes.fromhex(plain) if isinstance(plain, str) else plain
        data, sw = self.raw(self.wrap(plain))
        while sw >> 8 == 0x61:
            more, sw = self.raw(bytes((0x00, 0xC0, 0, 0, sw & 0xFF)))
            data += more
        return (self.unwrap(data, sw), sw) if sw == OK or sw >> 8 in {0x62, 0x63} else (data, sw)

    def unwrap(self, data: bytes, sw: int) -> bytes:
        if self.level & 0x10:
            data, mac = data[:-8], data[-8:]
            assert mac == scp03.cmac(self.keys.rmac, self.chaining + data + sw.to_bytes(2, "big"))[:8]
        if self.level & 0x20 and data:
            block = b"\x80" + self.counter.to_bytes(15, "big")
            vector = scp03.encrypt_block(self.keys.enc, block)
            plain = scp03.unpad(scp03.decrypt_cbc(self.keys.enc, vector, data))
            assert plain is not None
            return plain
        return data

    def put_key(self, version: int, keys: KeySet, replaced: int = 0, dek: bytes = FACTORY_KEYS.dek) -> bytes:
        """The plain PUT KEY command."""
        data = bytes((version,)) + b"".join(key_field(key, dek) for key in (keys.enc, keys.mac, keys.dek))
        return bytes((0x80, 0xD8, replaced, 0x81, len(data))) + data


def key_field(key: bytes, dek: bytes, *, inner_length: bool = True) -> bytes:
    """A key data field of PUT KEY."""
    padded = key + bytes(-len(key) % 16)
    encrypted = scp03.encrypt(dek, bytes(16), padded)[: len(padded)]
    if inner_length:
        encrypted = bytes((len(key),)) + encrypted
    return bytes((0x88, len(encrypted))) + encrypted + b"\x03" + scp03.key_check_value(key)


@pytest.fixture
def blank_path(tmp_path: Path) -> Path:
    """A blank card with the factory's channel keys."""
    path = tmp_path / "blank.json"
    create_blank(path, SERIAL, PIN, PUK, MANAGEMENT_KEY, FACTORY_KEYS)
    return path


@pytest.fixture
def gp(blank_path: Path) -> Iterator[GpHost]:
    """A host with the security domain selected."""
    with CardFile.open(blank_path) as file:
        card = SimulatedCard(file)
        card.power_on()
        host = GpHost(card)
        host.select()
        yield host
