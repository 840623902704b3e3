"""An issuer security domain for the model card: its registry, its keys, its life cycle."""

from tests.unit.cardio.globalplatform.model import ISD_AID, Answer, Keys, ModelCard, cbc, kcv

CPLC = bytes(range(42))
CARD_DATA = bytes.fromhex(
    "6631732F06072A864886FC6B01600C060A2A864886FC6B02020301630906072A864886FC6B03640B06092A864886FC6B040370"
)
NOTHING = (b"", 0x6A88)


def tlv(tag: str, value: bytes) -> bytes:
    assert len(value) < 0x80
    return bytes.fromhex(tag) + bytes((len(value),)) + value


class IssuerDomain:
    """`wrapped`: whether GET DATA answers stand in their wrapper; `bare`: which key fields it takes."""

    def __init__(self, keys: dict[int, Keys], *, wrapped: bool = True, bare: bool = False) -> None:
        self.card = ModelCard(keys, self.answer)
        self.wrapped = wrapped
        self.bare = bare
        self.state = 0x01
        self.applications = [bytes.fromhex("A000000308000010000100"), bytes.fromhex("A0000002471001")]
        self.selectable = True
        self.wrong_check_value = False

    def answer(self, header: bytes, data: bytes) -> Answer:
        if header[1:3] == b"\xa4\x04":
            return self._select(data)
        if header[:2] == b"\x80\xca":
            return self._get_data(int.from_bytes(header[2:], "big"))
        if self.card.session is None or self.card.session.level < 1:
            return b"", 0x6982
        commands = {0xD8: self._put_key, 0xE4: self._delete, 0xF0: self._set_status, 0xF2: self._get_status}
        return commands[header[1]](header, data)

    def _select(self, aid: bytes) -> Answer:
        if aid and not (self.selectable and aid == ISD_AID):
            return b"", 0x6A82
        return bytes.fromhex("6F0C8408A000000151000000A500"), 0x6283 if self.state == 0x7F else 0x9000

    def _get_data(self, tag: int) -> Answer:
        if tag == 0xE0:
            infos = b"".join(
                tlv("C0", bytes((identifier, version, 0x88, len(key))))
                for version, keys in self.card.keys.items()
                for identifier, key in enumerate(keys, 1)
            )
            return (tlv("E0", infos) if self.wrapped else infos), 0x9000
        objects = {0x9F7F: (3, "9F7F", CPLC), 0x66: (2, "66", CARD_DATA[2:]), 0xC1: (2, "C1", b"\0\1\2")}
        if tag not in objects:
            return NOTHING
        _, name, value = objects[tag]
        return (tlv(name, value) if self.wrapped else value), 0x9000

    def _put_key(self, header: bytes, data: bytes) -> Answer:
        assert self.card.session is not None
        replaced = header[2]
        assert header[3] == 0x81
        if replaced and replaced not in self.card.keys:
            return NOTHING
        version, rest = data[0], data[1:]
        keys = []
        while rest:
            assert rest[0] == 0x88
            block, rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
            length = len(block)
            if len(block) % 16:
                length, block = block[0], block[1:]
            elif not self.bare:
                return b"", 0x6A80
            key = cbc(self.card.session.dek, bytes(16), block, encrypt=False)[:length]
            assert rest[:4] == b"\x03" + kcv(key)
            rest = rest[4:]
            keys.append(key)
        enc, mac, dek = keys
        if replaced:
            del self.card.keys[replaced]
        self.card.keys[version] = (enc, mac, dek)
        check_values = b"".join(kcv(key) for key in keys)
        if self.wrong_check_value:
            check_values = check_values[:-1] + bytes((check_values[-1] ^ 1,))
        return bytes((version,)) + check_values, 0x9000

    def _delete(self, _header: bytes, data: bytes) -> Answer:
        assert data[:2] == bytes.fromhex("D201")
        return (b"\0", 0x9000) if self.card.keys.pop(data[2], None) else NOTHING

    def _set_status(self, header: bytes, _data: bytes) -> Answer:
        assert header[2] == 0x80
        new = header[3]
        if new <= self.state and not (self.state == 0x7F and new == 0x0F):
            return b"", 0x6985
        self.state = new
        return b"", 0x9000

    def _get_status(self, header: bytes, data: bytes) -> Answer:
        assert data == bytes.fromhex("4F00")
        if header[2] == 0x80:
            return self._entry(ISD_AID, self.state, "9EFE80"), 0x9000
        position = header[3] & 1  # one entry each time
        if header[2] != 0x40 or not self.applications:
            return NOTHING
        more = position + 1 < len(self.applications)
        return self._entry(self.applications[position], 7, "04"), 0x6310 if more else 0x9000

    @staticmethod
    def _entry(aid: bytes, state: int, privileges: str) -> bytes:
        content = tlv("4F", aid) + tlv("9F70", bytes((state,))) + tlv("C5", bytes.fromhex(privileges))
        return tlv("E3", content)
