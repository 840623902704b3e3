"""The card's side of SCP03, written from Amendment D for these tests alone: it shares nothing with cardio."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFCMAC, CounterLocation, Mode

from cardio.transport.base import TransmitError

ISD_AID = bytes.fromhex("A000000151000000")
CARD_CHALLENGE = bytes.fromhex("C1C2C3C4C5C6C7C8")
Keys = tuple[bytes, bytes, bytes]
Answer = tuple[bytes, int]
Application = Callable[[bytes, bytes], Answer]
"""(header of four bytes, data) → (data, status word)."""


def kdf(key: bytes, constant: int, context: bytes, length: int) -> bytes:
    fixed = bytes(11) + bytes((constant, 0)) + (8 * length).to_bytes(2, "big") + context
    return KBKDFCMAC(
        AES,
        Mode.CounterMode,
        length,
        1,
        None,
        CounterLocation.MiddleFixed,
        None,
        None,
        fixed,
        break_location=15,
    ).derive(key)


def aes_cmac(key: bytes, message: bytes) -> bytes:
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()


def cbc(key: bytes, icv: bytes, data: bytes, *, encrypt: bool) -> bytes:
    cipher = Cipher(AES(key), modes.CBC(icv))
    context = cipher.encryptor() if encrypt else cipher.decryptor()
    return context.update(data) + context.finalize()


def kcv(key: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return (encryptor.update(b"\1" * 16) + encryptor.finalize())[:3]


@dataclass
class Session:
    enc: bytes
    mac: bytes
    rmac: bytes
    expected_cryptogram: bytes
    dek: bytes
    level: int = -1  # not yet authenticated
    chaining: bytes = bytes(16)
    counter: int = 0

    def icv(self, first: int) -> bytes:
        block = bytes((first,)) + self.counter.to_bytes(15, "big")
        return cbc(self.enc, bytes(16), block, encrypt=True)


def nothing_here(_header: bytes, _data: bytes) -> Answer:
    return b"", 0x6D00


class Parrot:
    """A `CardConnection` that answers everything with the next of some bytes, the last of them for ever."""

    name = "Parrot"
    atr = bytes.fromhex("3B00")

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)

    def transmit(self, _command: bytes) -> bytes:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def reset(self) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to let go."""


@dataclass
class ModelCard:
    """A `CardConnection`; `tamper` changes protected answers on their way, `longest` is a reader's limit."""

    keys: dict[int, Keys]
    application: Application = nothing_here
    i: int = 0x70
    longest: int = 65_544
    refuses: str = "6700"
    tamper: Callable[[bytes], bytes] = bytes
    name: str = "Model Card"
    atr: bytes = bytes.fromhex("3B00")
    sent: list[bytes] = field(default_factory=list)
    seen: list[tuple[bytes, bytes]] = field(default_factory=list)
    failures: int = 0
    session: Session | None = None
    sequence: int = 0
    _pending: bytes = b""
    _pending_sw: int = 0x9000
    _chain: bytes = b""

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        if len(command) > self.longest:
            if self.refuses == "error":
                raise TransmitError(self.name, "too long")
            return bytes.fromhex(self.refuses)
        header, data, extended = command[:4], b"", False
        body = command[4:]
        if len(body) > 3 and body[0] == 0:
            extended = True
            data = body[3 : 3 + int.from_bytes(body[1:3], "big")]
        elif len(body) > 1:
            data = body[1 : 1 + body[0]]
        if header[1] == 0xC0:
            return self._more()
        answer, sw = self._dispatch(header, data, extended=extended)
        if header[0] & 0x04 and self.session and self.session.level > 0:
            tampered = self.tamper(answer + sw.to_bytes(2, "big"))
            answer, sw = tampered[:-2], int.from_bytes(tampered[-2:], "big")
        self._pending, self._pending_sw = answer, sw
        return self._more() if len(answer) > 256 else answer + sw.to_bytes(2, "big")

    def reset(self) -> None:
        self.session = None

    def close(self) -> None:
        """Nothing to let go."""

    def _more(self) -> bytes:
        first, self._pending = self._pending[:256], self._pending[256:]
        left = len(self._pending)
        sw = 0x6100 | (left if left < 256 else 0) if left else self._pending_sw
        return first + sw.to_bytes(2, "big")

    def _dispatch(self, header: bytes, data: bytes, *, extended: bool) -> Answer:
        if header[1:3] == b"\xa4\x04":
            self.session = None
            return self._run(header, data)
        if header[:2] == b"\x80\x50":
            return self._initialize_update(header[2], data)
        if header[:2] == b"\x84\x82":
            return self._external_authenticate(header, data)
        if self.session and self.session.level > 0:
            return self._protected(header, data, extended=extended)
        return self._run(header, data)

    def _run(self, header: bytes, data: bytes) -> Answer:
        if header[0] & 0x10:
            self._chain += data
            return b"", 0x9000
        data, self._chain = self._chain + data, b""
        self.seen.append((header, data))
        return self.application(header, data)

    def _initialize_update(self, version: int, host: bytes) -> Answer:
        version = version or next(iter(self.keys), 0)
        if version not in self.keys:
            return b"", 0x6A88
        enc, mac, dek = self.keys[version]
        counter = self.sequence.to_bytes(3, "big")
        card = kdf(enc, 2, counter + ISD_AID, 8) if self.i & 0x10 else CARD_CHALLENGE
        context = host + card
        s_mac = kdf(mac, 6, context, len(mac))
        self.session = Session(
            kdf(enc, 4, context, len(enc)),
            s_mac,
            kdf(mac, 7, context, len(mac)),
            kdf(s_mac, 1, context, 8),
            dek,
        )
        cryptogram = kdf(s_mac, 0, context, 8)
        tail = counter if self.i & 0x10 else b""
        return bytes(10) + bytes((version, 3, self.i)) + card + cryptogram + tail, 0x9000

    def _external_authenticate(self, header: bytes, data: bytes) -> Answer:
        session = self.session
        if session is None or not self._mac_is_right(header, data, extended=False):
            self.failures += 1
            return b"", 0x6982
        if data[:8] != session.expected_cryptogram:
            self.failures += 1
            return b"", 0x6300
        session.level = header[2]
        self.sequence += 1
        return b"", 0x9000

    def _mac_is_right(self, header: bytes, data: bytes, *, extended: bool) -> bool:
        session = self.session
        assert session is not None
        lc = b"\0" + len(data).to_bytes(2, "big") if extended else bytes((len(data),))
        mac = aes_cmac(session.mac, session.chaining + header + lc + data[:-8])
        session.chaining = mac
        return data[-8:] == mac[:8]

    def _protected(self, header: bytes, data: bytes, *, extended: bool) -> Answer:
        session = self.session
        assert session is not None
        if not header[0] & 0x04 or not self._mac_is_right(header, data, extended=extended):
            self.session = None
            return b"", 0x6982
        session.counter += 1
        data = data[:-8]
        if session.level & 0x02 and data:
            data = cbc(session.enc, session.icv(0), data, encrypt=False).rstrip(b"\0")
            assert data[-1] == 0x80
            data = data[:-1]
        answer, sw = self._run(bytes((header[0] & ~0x04,)) + header[1:], data)
        if not session.level & 0x10 or (sw != 0x9000 and sw >> 8 not in {0x62, 0x63}):
            return answer, sw
        if session.level & 0x20 and answer:
            padded = answer + b"\x80"
            padded += bytes(-len(padded) % 16)
            answer = cbc(session.enc, session.icv(0x80), padded, encrypt=True)
        mac = aes_cmac(session.rmac, session.chaining + answer + sw.to_bytes(2, "big"))
        return answer + mac[:8], sw
