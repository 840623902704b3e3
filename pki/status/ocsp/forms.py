"""The CertIDs by which our CAs' certificates may be asked for, and how each is told in a glance."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pki import der, oids
from pki.authority.issuers import IssuingCa
from pki.keys.identifiers import public_key_bits
from pki.store.columns import SERIAL_OCTETS

FORM_ID_BYTES = 8
_HASHES = ((oids.SHA1, "sha1"), (oids.SHA256, "sha256"))  # RFC 5019 §2.1.1, RFC 6960 §4.3
_PARAMETERS = (der.encode(der.NULL, b""), b"")
_SIGN_BIT = 0x80
_LEVELS = 4


@dataclass(frozen=True)
class CertIdForm:
    """One CA's CertIDs of one hash, with NULL or absent parameters; only their serials differ."""

    issuer: str
    issuer_part: bytes
    """hashAlgorithm, issuerNameHash and issuerKeyHash in DER."""
    form_id: bytes
    """8 bytes that name the form wherever answers are stored; the same in every process."""

    def cert_id(self, serial: bytes) -> bytes:
        """The CertID of a serial, given as the content of its INTEGER."""
        return der.encode(der.SEQUENCE, self.issuer_part + der.encode(der.INTEGER, serial))


class CertIdForms:
    """All forms of all CAs that answer."""

    def __init__(self, authorities: Iterable[IssuingCa]) -> None:
        self._by_part = {form.issuer_part: form for ca in authorities for form in _forms_of(ca)}
        self._by_prefix = {_common_prefix(form): form for form in self._by_part.values()}
        self._with_nonce = {
            (_prefix_with_nonce(form, size), size): form
            for form in self._by_part.values()
            for size in _NONCE_SIZES
        }

    def find(self, issuer_part: bytes) -> CertIdForm | None:
        """The form of a CertID that was read."""
        return self._by_part.get(issuer_part)

    def of_issuer(self, issuer: str) -> list[CertIdForm]:
        """A CA's forms, SHA-1 with NULL parameters (RFC 5019's) first."""
        return [form for form in self._by_part.values() if form.issuer == issuer]

    def recognise(self, request: bytes) -> tuple[CertIdForm, bytes] | None:
        """The form and the serial of a request in RFC 5019's shape, without parsing it; else None.

        Such requests for one CA differ in the last 16 octets alone, so the octets before them say all.
        A serial of another length (1 in 256), or not in its shortest form, is left to the parser.
        """
        form = self._by_prefix.get(request[:-SERIAL_OCTETS])
        if form is None or not 0 < request[-SERIAL_OCTETS] < _SIGN_BIT:
            return None
        return form, request[-SERIAL_OCTETS:]

    def recognise_with_nonce(self, request: bytes) -> tuple[CertIdForm, bytes, bytes] | None:
        """Form, serial and nonce extension of such a request with a nonce of the usual sizes, else None."""
        for size in _NONCE_SIZES:
            ending = _NONCE_HEADS[size]
            serial_end = len(request) - len(ending) - size
            form = self._with_nonce.get((request[: max(0, serial_end - SERIAL_OCTETS)], size))
            if form is not None and request.startswith(ending, serial_end):
                serial = request[serial_end - SERIAL_OCTETS : serial_end]
                if 0 < serial[0] < _SIGN_BIT:
                    return form, serial, request[serial_end + _WRAPPING :]
        return None


def _forms_of(authority: IssuingCa) -> Iterable[CertIdForm]:
    for oid, name in _HASHES:
        hashed = b"".join(
            der.octet_string(hashlib.new(name, data, usedforsecurity=False).digest())
            for data in (authority.facts.subject, public_key_bits(authority.spki))
        )
        for parameters in _PARAMETERS:
            part = der.sequence((der.object_identifier(oid), parameters)) + hashed
            yield CertIdForm(authority.name, part, hashlib.sha256(part).digest()[:FORM_ID_BYTES])


def _common_prefix(form: CertIdForm) -> bytes:
    return _wrapped(form.cert_id(b"\x01" * SERIAL_OCTETS))[:-SERIAL_OCTETS]


def _prefix_with_nonce(form: CertIdForm, size: int) -> bytes:
    cert_id = form.cert_id(b"\x01" * SERIAL_OCTETS)
    listed = der.sequence((der.sequence((cert_id,)),))
    request = der.sequence((der.sequence((listed, _nonce_extensions(size))),))
    return request[: -len(_nonce_extensions(size)) - SERIAL_OCTETS]


def _nonce_extensions(size: int) -> bytes:
    """requestExtensions with one nonce of so many zero octets."""
    nonce = der.extension(oids.OCSP_NONCE, der.octet_string(bytes(size)))
    return der.context(2, der.sequence((nonce,)))


_NONCE_SIZES = (32, 16)
"""RFC 9654 §2.1 asks clients for 32; older ones send 16."""
_NONCE_HEADS = {size: _nonce_extensions(size)[:-size] for size in _NONCE_SIZES}
_WRAPPING = 4
"""Octets of requestExtensions before its only extension: two tags, two short lengths."""


def plain_request(form: CertIdForm, serial: int) -> bytes:
    """A request for one certificate, without extensions: RFC 5019 §2.1.1's."""
    return _wrapped(form.cert_id(der.parse(der.integer(serial), der.INTEGER).content))


def _wrapped(cert_id: bytes) -> bytes:
    """OCSPRequest { tbsRequest { requestList { Request { reqCert } } } } (RFC 6960 §4.1.1)."""
    for _ in range(_LEVELS):
        cert_id = der.sequence((cert_id,))
    return cert_id
