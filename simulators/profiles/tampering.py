"""What hostile cards hold in place of what production wrote."""

import gzip
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from cardio.piv.objects import Chuid, ObjectId, encode_certificate
from cardio.piv.session import PivSession
from cardio.piv.signer import PivSigner
from cardio.piv.slots import Slot
from cardio.tlv import Tlv
from issuance.production.personalisation import KeyPlan
from pki import der
from pki.keys.adapter import private_key_of
from simulators.card.piv.state import MAX_OBJECT_LENGTH
from simulators.forge.certificates import CardSpec, issue_card, make_authority
from simulators.profiles.certifying import Certifier
from simulators.profiles.shape import CardProfile, Fault

_GARBAGE_BYTES = 700
_BOMB_BYTES = 8 << 20
_NESTING = 3000
_CERTIFICATE, _CERT_INFO, _ERROR_DETECTION = 0x70, 0x71, 0xFE  # SP 800-73-5 part 1, appendix A, table 40
_COMPRESSED = b"\x01"
_FILLER = 0xEE  # no element of a PIV object has this tag
_FILLER_HEADER_BYTES = 4
_LONGEST_LENGTH = b"\x82\xff\xff"
_NO_ELEMENT = b"\xff\xff"
_LOOKALIKE = "Hoviat Citizen Authentication CA G1"
_SERIAL_BITS = 126


@dataclass(frozen=True)
class Scene:
    """What a fault has to work with."""

    session: PivSession = field(repr=False)
    certifier: Certifier
    chance: random.Random
    content: bytes = field(repr=False)
    """The object as it should be."""
    plan: KeyPlan | None
    """Whose certificate it is, if it is one."""

    @property
    def slot(self) -> Slot:
        """Of that certificate."""
        return self.key.slot

    @property
    def key(self) -> KeyPlan:
        """The key of that certificate."""
        if self.plan is None:
            raise ValueError("this fault is for certificates")
        return self.plan

    @property
    def certificate(self) -> bytes:
        """The genuine one, DER."""
        return self.session.read_certificate(self.slot)


def tamper(
    session: PivSession,
    profile: CardProfile,
    certifier: Certifier,
    chance: random.Random,
    written: Mapping[ObjectId, bytes],
) -> None:
    """Writes the profile's faults into the card; `session` has the management key."""
    plans = {plan.slot.certificate_object: plan for plan in profile.keys}
    for object_id, fault in profile.faults.items():
        plan = plans.get(object_id)
        content = written[object_id] if plan is None else session.get_object(object_id)
        scene = Scene(session, certifier, chance, content, plan)
        session.put_object(object_id, _CONTENTS[fault](scene))


def _overlong(scene: Scene) -> bytes:
    return scene.content[:1] + _LONGEST_LENGTH + scene.content[1:]


def _large(scene: Scene) -> bytes:
    room = MAX_OBJECT_LENGTH - len(scene.content) - _FILLER_HEADER_BYTES
    return scene.content + Tlv(_FILLER, bytes(room)).encode()


def _other_card(scene: Scene) -> bytes:
    guid = uuid.UUID(bytes=scene.chance.randbytes(16), version=4)
    return replace(Chuid.parse(scene.content), guid=guid).encode()


def _nested(_scene: Scene) -> bytes:
    content = b""
    for _ in range(_NESTING):
        content = der.sequence((content,))
    return encode_certificate(content)


def _compressed(content: bytes) -> bytes:
    elements = ((_CERTIFICATE, gzip.compress(content)), (_CERT_INFO, _COMPRESSED), (_ERROR_DETECTION, b""))
    return b"".join(Tlv(tag, value).encode() for tag, value in elements)


def _other_key(scene: Scene) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    csr = request.public_bytes(Encoding.DER)
    return encode_certificate(scene.certifier.certify(scene.key, csr, "-other-key").der)


def _unknown_ca(scene: Scene) -> bytes:
    genuine = x509.load_der_x509_certificate(scene.certificate)
    begin, end = genuine.not_valid_before_utc, genuine.not_valid_after_utc
    spec = CardSpec(
        # Only its public half is asked for: what is signed here is signed by the unknown CA.
        key=private_key_of(PivSigner(scene.session, scene.slot, scene.session.public_key(scene.slot))),
        subject=genuine.subject,
        not_before=begin,
        not_after=end,
        serial=scene.chance.getrandbits(_SERIAL_BITS) + 1,
    )
    return encode_certificate(issue_card(make_authority(_LOOKALIKE, not_before=begin, not_after=end), spec))


_CONTENTS: Mapping[Fault, Callable[[Scene], bytes]] = {
    Fault.ABSENT: lambda _: b"",  # SP 800-73-5 part 2, 3.3.2: an empty object is a deleted one
    Fault.TRUNCATED: lambda scene: scene.content[: len(scene.content) // 2],
    Fault.OVERLONG: _overlong,
    Fault.TRAILING: lambda scene: scene.content + _NO_ELEMENT,
    Fault.GARBAGE: lambda scene: scene.chance.randbytes(_GARBAGE_BYTES),
    Fault.LARGE: _large,
    Fault.OTHER_CARD: _other_card,
    Fault.GZIP: lambda scene: _compressed(scene.certificate),
    Fault.GZIP_BOMB: lambda _: _compressed(bytes(_BOMB_BYTES)),
    Fault.NOT_DER: lambda scene: encode_certificate(scene.chance.randbytes(_GARBAGE_BYTES)),
    Fault.NESTED: _nested,
    Fault.OTHER_KEY: _other_key,
    Fault.UNKNOWN_CA: _unknown_ca,
}
