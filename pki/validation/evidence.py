"""What a relying party brings to know a certificate's status: CRLs and OCSP answers, parsed once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pki.validation.certificate import Certificate
from pki.validation.crl import Crl, read_crl
from pki.validation.names import ComparableName
from pki.validation.ocsp import OcspAnswer, read_ocsp


@dataclass(frozen=True)
class Evidence:
    """Reusable: any number of paths may be judged by the same one."""

    crls: Mapping[ComparableName, tuple[Crl, ...]] = field(default_factory=dict)
    """Complete and delta CRLs by their issuer, the newest first."""
    answers: tuple[OcspAnswer, ...] = ()
    nonce: bytes | None = None
    """If one was sent: each OCSP answer must carry it (RFC 9654)."""
    responders: tuple[Certificate, ...] = ()
    """If any: only these may sign OCSP answers, whoever issued to them (RFC 6960 §4.2.2.2 (1))."""

    @classmethod
    def of(
        cls,
        crls: Iterable[Crl | bytes] = (),
        ocsp: Iterable[OcspAnswer | bytes] = (),
        nonce: bytes | None = None,
        responders: Iterable[Certificate] = (),
    ) -> "Evidence":
        """Reads DER; CRLs and answers may be parsed already. Raises MalformedCrlError, MalformedOcspError."""
        by_issuer: dict[ComparableName, list[Crl]] = {}
        for item in crls:
            crl = read_crl(item) if isinstance(item, bytes) else item
            by_issuer.setdefault(crl.name, []).append(crl)
        ordered = {
            name: tuple(sorted(found, key=lambda crl: (crl.this_update, crl.number or 0), reverse=True))
            for name, found in by_issuer.items()
        }
        answers = tuple(read_ocsp(item) if isinstance(item, bytes) else item for item in ocsp)
        return cls(ordered, answers, nonce, tuple(responders))


NO_EVIDENCE = Evidence()
