"""The host's side of raw APDUs, for the simulated card's tests; from SP 800-73-5, sharing no code."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.card.blank import create_blank
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.iso7816 import Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.access import Interface
from simulators.card.piv.application import DISCOVERY_OBJECT, PivApplication

PIN = "73105284"
PUK = "90417263"
SERIAL = 17_042_025
MANAGEMENT_KEY = bytes(range(32))

OK = 0x9000
SHORT = 255

ALGORITHM_BY_KEY_LENGTH = {16: 0x08, 24: 0x0A, 32: 0x0C}


def pad(digits: str) -> bytes:
    return digits.encode().ljust(8, b"\xff")


def tlv(tag: int, *values: bytes) -> bytes:
    value = b"".join(values)
    size = len(value)
    length = bytes((size,)) if size < 0x80 else bytes((0x82, size >> 8, size & 0xFF))
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + value


def value_of(encoded: bytes, *path: int) -> bytes:
    """The value reached by taking the first element of each tag; a parser good enough for right answers."""
    for tag in path:
        name = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
        assert encoded.startswith(name), encoded.hex()
        rest = encoded[len(name) :]
        extra = rest[0] & 0x7F if rest[0] & 0x80 else 0
        size = int.from_bytes(rest[1 : 1 + extra], "big") if extra else rest[0]
        encoded = rest[1 + extra : 1 + extra + size]
    return encoded


@dataclass
class Host:
    card: SimulatedCard
    management_key: bytes = MANAGEMENT_KEY

    def raw(self, command: bytes | str) -> tuple[bytes, int]:
        answer = self.card.transmit(bytes.fromhex(command) if isinstance(command, str) else command)
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def sw(self, command: bytes | str) -> int:
        return self.raw(command)[1]

    def send(self, ins: int, p1: int, p2: int, data: bytes = b"") -> tuple[bytes, int]:
        """Short APDUs: chains what is long, fetches what is left."""
        while len(data) > SHORT:
            _, sw = self.raw(bytes((0x10, ins, p1, p2, SHORT)) + data[:SHORT])
            if sw != OK:
                return b"", sw
            data = data[SHORT:]
        body = bytes((len(data),)) + data if data else b""
        answer, sw = self.raw(bytes((0x00, ins, p1, p2)) + body + b"\0")
        while sw >> 8 == 0x61:
            more, sw = self.raw(bytes((0x00, 0xC0, 0, 0, sw & 0xFF)))
            answer += more
        return answer, sw

    def reset(self) -> None:
        self.card.reset()

    def verify(self, pin: str) -> int:
        return self.sw(bytes.fromhex("0020008008") + pad(pin))

    def tries(self) -> int:
        return self.sw("00200080")

    def change_pin(self, old: str, new: str) -> int:
        return self.sw(bytes.fromhex("0024008010") + pad(old) + pad(new))

    def change_puk(self, old: str, new: str) -> int:
        return self.sw(bytes.fromhex("0024008110") + pad(old) + pad(new))

    def unblock(self, puk: str, pin: str) -> int:
        return self.sw(bytes.fromhex("002C008010") + pad(puk) + pad(pin))

    def encrypt(self, block: bytes) -> bytes:
        encryptor = Cipher(algorithms.AES(self.management_key), modes.ECB()).encryptor()  # noqa: S305 - single blocks
        return encryptor.update(block) + encryptor.finalize()

    def decrypt(self, block: bytes) -> bytes:
        decryptor = Cipher(algorithms.AES(self.management_key), modes.ECB()).decryptor()  # noqa: S305 - single blocks
        return decryptor.update(block) + decryptor.finalize()

    def management(self, *elements: bytes) -> tuple[bytes, int]:
        algorithm = ALGORITHM_BY_KEY_LENGTH[len(self.management_key)]
        return self.send(0x87, algorithm, 0x9B, tlv(0x7C, *elements))

    def authenticate_issuer(self) -> int:
        """The mutual protocol."""
        answer, sw = self.management(tlv(0x80))
        if sw != OK:
            return sw
        witness = self.decrypt(value_of(answer, 0x7C, 0x80))
        challenge = bytes(range(16))
        answer, sw = self.management(tlv(0x80, witness), tlv(0x81, challenge), tlv(0x82))
        if sw == OK:
            assert value_of(answer, 0x7C, 0x82) == self.encrypt(challenge)
        return sw

    def generate(self, slot: int, algorithm: int) -> tuple[bytes, int]:
        return self.send(0x47, 0, slot, tlv(0xAC, tlv(0x80, bytes((algorithm,)))))

    def use_key(self, algorithm: int, slot: int, challenge: bytes, tag: int = 0x81) -> tuple[bytes, int]:
        answer, sw = self.send(0x87, algorithm, slot, tlv(0x7C, tlv(0x82), tlv(tag, challenge)))
        return (value_of(answer, 0x7C, 0x82) if sw == OK else b""), sw

    def put(self, tag: str, content: bytes) -> int:
        return self.send(0xDB, 0x3F, 0xFF, tlv(0x5C, bytes.fromhex(tag)) + tlv(0x53, content))[1]

    def get(self, tag: str) -> tuple[bytes, int]:
        return self.send(0xCB, 0x3F, 0xFF, tlv(0x5C, bytes.fromhex(tag)))


Send = Callable[[bytes | str], tuple[bytes, int]]


def without_card(
    memory: CardMemory,
    *,
    interface: Interface = Interface.CONTACT,
    discovery: bytes | None = DISCOVERY_OBJECT,
) -> Send:
    """The PIV application by itself: commands with all their data, answers in one piece."""
    application = PivApplication(memory, os.urandom, interface=interface, discovery=discovery)

    def send(command: bytes | str) -> tuple[bytes, int]:
        raw = bytes.fromhex(command) if isinstance(command, str) else command
        application.begin_command()
        try:
            return application.process(Command.parse(raw)), OK
        except StatusError as status:
            return b"", status.sw

    return send


def new_blank(path: Path, management_key: bytes = MANAGEMENT_KEY) -> Path:
    create_blank(path, SERIAL, PIN, PUK, management_key)
    return path


def run(path: Path, power_cut_after_writes: int | None = None) -> Host:
    """The card at `path`, powered. The file is closed with the process or by the fixture."""
    card = SimulatedCard(CardFile.open(path), power_cut_after_writes=power_cut_after_writes)
    card.power_on()
    return Host(card)
