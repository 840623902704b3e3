"""What a ceremony made, as its transcript names it: public facts only."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from pki.auditchain import Json
from pki.authority.values import IssuedCertificate
from pki.keys.identifiers import spki_of
from pki.keys.kinds import kind_of
from pki.keys.signer import SignerPublicKey
from pki.status.publication import PublishedCrl


@dataclass(frozen=True)
class Made:
    """One thing that was made, or done."""

    what: str
    """`certificate`, `key`, `crl`, `master list`, `retirement`."""
    name: str
    details: Mapping[str, Json]


def certificate(name: str, issued: IssuedCertificate) -> Made:
    """A certificate with all by which auditors know it again."""
    parsed = x509.load_der_x509_certificate(issued.der)
    key = parsed.public_key()
    details: dict[str, Json] = {
        "profile": issued.profile.value,
        "serial": f"{issued.serial:032x}",
        "subject": parsed.subject.rfc4514_string(),
        "issuer": parsed.issuer.rfc4514_string(),
        "not_before": issued.not_before.isoformat(),
        "not_after": issued.not_after.isoformat(),
        "sha256": hashlib.sha256(issued.der).hexdigest(),
        "signature_algorithm": parsed.signature_algorithm_oid.dotted_string,
    }
    if isinstance(key, SignerPublicKey):
        kind = kind_of(key)
        details["key"] = kind.value if kind else "unknown"
        details["public_key"] = base64.b64encode(spki_of(key)).decode()
    return Made("certificate", name, details)


def public_key(name: str, key: SignerPublicKey) -> Made:
    """A key that certifies nothing."""
    kind = kind_of(key)
    encoded = base64.b64encode(spki_of(key)).decode()
    return Made("key", name, {"key": kind.value if kind else "unknown", "public_key": encoded})


def crl(published: PublishedCrl) -> Made:
    """A CRL."""
    details: dict[str, Json] = {
        "number": published.number,
        "this_update": published.this_update.isoformat(),
        "next_update": published.next_update.isoformat(),
        "sha256": published.sha256.hex(),
    }
    return Made("crl", published.name, details)


def document(what: str, name: str, content: bytes) -> Made:
    """A signed file."""
    return Made(what, name, {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
