"""The transcript: who, when, what; signed by a root so that `openssl` alone can check it."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from pki.auditchain import Head, Json
from pki.authority.issuers import IssuingCa
from pki.authority.signing import verify_signature
from pki.ceremony.custody import Vault
from pki.ceremony.errors import TranscriptError
from pki.ceremony.record import OpenCeremony, SignedTranscript
from pki.keys.algorithms import algorithm_for
from pki.keys.signer import SignerPublicKey

TITLE = "transcript of a key ceremony"
MAX_TRANSCRIPT = 2**20
_MAX_SIGNATURE = 1024
_VERSION = 1


def compose(
    ceremony: OpenCeremony,
    vault: Vault,
    created: Sequence[Mapping[str, Json]],
    after: Head,
    root: IssuingCa,
    now: datetime,
    *,
    abandoned: bool = False,
) -> SignedTranscript:
    """The text and the root's signature over its bytes.

    The text begins with `{`, so that it is no DER: a signature over it can never stand under a certificate.
    """
    name = SignedTranscript(ceremony.number, ceremony.kind, b"", b"").file_name
    algorithm = algorithm_for(root.signer.public_key)
    content: dict[str, Json] = {
        "what": TITLE,
        "version": _VERSION,
        "software": f"hoviat {_software()}",
        "ceremony": ceremony.number,
        "kind": ceremony.kind,
        "plan": ceremony.plan,
        "outcome": "abandoned" if abandoned else "done",
        "opened": ceremony.opened.isoformat(),
        "closed": now.replace(microsecond=0).isoformat(),
        "officers": {
            "present": list(vault.present),
            "share_holders": list(vault.custody.officers),
            "needed": vault.custody.threshold,
        },
        "audit_chain": {"before": _head(ceremony.before), "after": _head(after)},
        "created": list(created),
        "signed_by": {
            "name": root.name,
            "sha256": hashlib.sha256(root.certificate or b"").hexdigest(),
            "certificate": base64.b64encode(root.certificate or b"").decode(),
        },
        "verify_with": [
            f"openssl x509 -in {root.name}.pem -noout -pubkey > {root.name}.pub",
            f"openssl dgst -{algorithm.hash.name} -verify {root.name}.pub -signature {name}.sig {name}",
        ],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"
    signature = root.signer.sign(text, algorithm.hash)
    return SignedTranscript(ceremony.number, ceremony.kind, text, signature)


def verify_transcript(text: bytes, signature: bytes, roots: Sequence[x509.Certificate]) -> Mapping[str, Json]:
    """Its content, if one of these roots signed it. Raises TranscriptError."""
    if len(text) > MAX_TRANSCRIPT or len(signature) > _MAX_SIGNATURE:
        raise TranscriptError("the transcript or its signature is too long")
    if not any(_signed_by(root, text, signature) for root in roots):
        raise TranscriptError("the transcript is not signed by a root of this authority, or was changed")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TranscriptError("what was signed is no transcript") from error
    if not isinstance(content, dict) or (content.get("what"), content.get("version")) != (TITLE, _VERSION):
        raise TranscriptError("what was signed is no transcript")
    return content


def heads_of(content: Mapping[str, Json]) -> tuple[Head, Head]:
    """The audit chain's ends before and after. Raises TranscriptError."""
    chain = content.get("audit_chain")
    ends = [
        _read_head(chain.get(name)) if isinstance(chain, Mapping) else None for name in ("before", "after")
    ]
    before, after = ends
    if before is None or after is None:
        raise TranscriptError("the transcript names no ends of the audit chain")
    return before, after


def _read_head(value: Json) -> Head | None:
    if not isinstance(value, Mapping):
        return None
    sequence, digest = value.get("sequence"), value.get("hash")
    return Head(sequence, digest) if isinstance(sequence, int) and isinstance(digest, str) else None


def _signed_by(root: x509.Certificate, text: bytes, signature: bytes) -> bool:
    key = root.public_key()
    if not isinstance(key, SignerPublicKey):
        return False
    try:
        verify_signature(key, signature, text, algorithm_for(key).hash)
    except InvalidSignature:
        return False
    return True


def _head(head: Head) -> dict[str, Json]:
    return {"sequence": head.sequence, "hash": head.hash}


def _software() -> str:
    try:
        return version("hoviat")
    except PackageNotFoundError:
        return "of unknown version"
