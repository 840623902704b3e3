"""Writing one CRL in a stream: entries go to a file as they come, so memory does not grow with them.

DER says lengths first. So the entries are written aside, then hashed between what stands before and behind
them, then the digest is signed, and the whole is put together.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from pki import der
from pki.authority.issuers import IssuingCa
from pki.keys.algorithms import algorithm_for
from pki.keys.signer import SignerPublicKey
from pki.status.crl.entries import EntryRow, encode_entries
from pki.status.crl.folder import Draft, FileFacts, chunks, create_public

_VERSION_2 = 1


@dataclass(frozen=True)
class CrlHeader:
    """What a CRL says beside its entries; times are whole UTC seconds."""

    this_update: datetime
    next_update: datetime
    extensions: bytes
    """DER Extensions."""


@dataclass(frozen=True)
class Written:
    """A finished file."""

    facts: FileFacts
    entries: int


def write_crl(
    draft: Draft, issuer: IssuingCa, header: CrlHeader, blocks: Iterable[list[EntryRow]]
) -> Written:
    """Writes and signs a version 2 CRL; on disk when this returns.

    Raises OSError, IssuerOfflineError, the key's error, or InvalidSignature should the key have erred.
    """
    signer = issuer.signer
    algorithm = algorithm_for(signer.public_key)
    count, length = _write_entries(draft, blocks)
    before, behind = _around(issuer, header, length)
    to_be_signed = length + len(before) + len(behind)
    opening = header_of(der.SEQUENCE, to_be_signed)

    hasher = hashes.Hash(algorithm.hash)
    for part in _parts(opening + before, draft, behind):
        hasher.update(part)
    digest = hasher.finalize()
    signature = signer.sign_digest(digest, algorithm.hash)
    verify_digest(signer.public_key, signature, digest, algorithm.hash)

    ending = algorithm.identifier + der.bit_string(signature)
    whole = header_of(der.SEQUENCE, len(opening) + to_be_signed + len(ending))
    facts = _write_whole(draft, _parts(whole + opening + before, draft, behind + ending))
    return Written(facts, count)


def header_of(tag: int, length: int) -> bytes:
    """Tag and length of a value whose content comes later."""
    if length < 0x80:  # noqa: PLR2004 - X.690 §8.1.3.4, the short form
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets


def verify_digest(
    key: SignerPublicKey, signature: bytes, digest: bytes, algorithm: hashes.HashAlgorithm
) -> None:
    """No fault may let a bad one out. Raises InvalidSignature."""
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, digest, padding.PKCS1v15(), Prehashed(algorithm))
    else:
        key.verify(signature, digest, ec.ECDSA(Prehashed(algorithm)))


def _write_entries(draft: Draft, blocks: Iterable[list[EntryRow]]) -> tuple[int, int]:
    """How many, and how many bytes."""
    count = length = 0
    with create_public(draft.entries) as file:
        for rows in blocks:
            count += len(rows)
            length += file.write(encode_entries(rows))
    return count, length


def _around(issuer: IssuingCa, header: CrlHeader, entries: int) -> tuple[bytes, bytes]:
    """What of TBSCertList stands before the entries and behind them (§5.1.2)."""
    before = (
        der.integer(_VERSION_2),
        issuer.facts.signature_algorithm,
        issuer.facts.subject,
        der.time(header.this_update),
        der.time(header.next_update),
        header_of(der.SEQUENCE, entries) if entries else b"",  # absent when empty, §5.1.2.6
    )
    return b"".join(before), der.context(0, header.extensions)


def _parts(before: bytes, draft: Draft, behind: bytes) -> Iterator[bytes]:
    yield before
    yield from chunks(draft.entries)
    yield behind


def _write_whole(draft: Draft, parts: Iterable[bytes]) -> FileFacts:
    digest, size = hashlib.sha256(), 0
    with create_public(draft.whole) as file:
        for part in parts:
            digest.update(part)
            size += file.write(part)
        file.flush()
        os.fsync(file.fileno())
    draft.entries.unlink()
    return FileFacts(size, digest.digest())
