"""Cards without a card: keys, certificates that the PKI issued for them, and tokens that they signed."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pki.authority import CertificateRequest, PersonSubject
from pki.authority.values import IssuedCertificate
from pki.bootstrap import Pki
from pki.keys.files import FileSigner
from pki.pkcs10 import create_csr
from pki.profiles import Profile
from simulators.population.people import People

ORIGIN = "https://bench.invalid"
_BATCH = 1000
_SEED = 4


@dataclass(frozen=True)
class Curve:
    """A curve, and what a token signed on it says."""

    name: str
    curve: ec.EllipticCurve
    algorithm: str
    digest: hashes.HashAlgorithm
    coordinate_bytes: int


CURVES = (
    Curve("P-256", ec.SECP256R1(), "ES256", hashes.SHA256(), 32),
    Curve("P-384", ec.SECP384R1(), "ES384", hashes.SHA384(), 48),
)


@dataclass(frozen=True)
class SoftwareCard:
    """A card's authentication key and certificate."""

    curve: Curve
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)

    def signature(self, nonce: str) -> bytes:
        """R ‖ S over the bench's origin and the nonce."""
        name, size = self.curve.digest.name, self.curve.coordinate_bytes
        message = b"".join(hashlib.new(name, part.encode()).digest() for part in (ORIGIN, nonce))
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(self.curve.digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    def token(self, nonce: str) -> dict[str, str]:
        """A Web eID 1.0 token."""
        return {
            "unverifiedCertificate": base64.b64encode(self.certificate).decode(),
            "algorithm": self.curve.algorithm,
            "signature": base64.b64encode(self.signature(nonce)).decode(),
            "format": "web-eid:1.0",
            "appVersion": "https://web-eid.eu/web-eid-app/releases/2.9.0+0",
        }

    def login(self, nonce: str) -> bytes:
        """The body of its authentication."""
        return json.dumps({"token": self.token(nonce), "nonce": nonce}).encode()


def issue_cards(pki: Pki, curve: Curve, count: int) -> list[SoftwareCard]:
    """So many cards of different people, issued and delivered."""
    people = People(_SEED)
    cards: list[SoftwareCard] = []
    for start in range(0, count, _BATCH):
        keys = [ec.generate_private_key(curve.curve) for _ in range(min(_BATCH, count - start))]
        requests = [_request(people, curve, start + number, key) for number, key in enumerate(keys)]
        issued = _require_issued(pki.authority.issue_many(requests))
        pki.authority.activate_card([one.serial for one in issued], "bench", "delivered")
        cards += [SoftwareCard(curve, key, one.der) for key, one in zip(keys, issued, strict=True)]
    return cards


def _request(
    people: People, curve: Curve, number: int, key: ec.EllipticCurvePrivateKey
) -> CertificateRequest:
    person = people.person(number)
    subject = PersonSubject(person.national_code, person.given_name.persian, person.surname.persian)
    csr = create_csr(FileSigner(key), "bench")
    return CertificateRequest(f"bench-{curve.name}-{number}", Profile.AUTHENTICATION, subject, csr, "bench")


def _require_issued(results: Sequence[object]) -> list[IssuedCertificate]:
    issued = [result for result in results if isinstance(result, IssuedCertificate)]
    if len(issued) != len(results):
        raise RuntimeError("a certificate of the benchmark was refused")
    return issued
