"""pkilint finds nothing of severity warning or above in any kind of answer."""

import dataclasses
from collections.abc import Callable
from typing import Any

from pkilint import loader, pkix
from pkilint.pkix import extension, name, ocsp
from pkilint.validation import ValidationFindingSeverity

from pki import der, oids
from pki.authority import CertificateRequest, IssuedCertificate
from pki.bootstrap import Pki, open_pki
from pki.home import Home
from pki.profiles import Profile
from pki.status import RevocationReason
from pki.status.ocsp.forms import plain_request
from pki.status.ocsp.request import parse_request

from .conftest import CITIZEN

Issue = Callable[..., IssuedCertificate]


def findings(body: bytes) -> list[str]:
    validator = ocsp.create_pkix_ocsp_response_validator_container(
        [
            ocsp.create_response_decoder(),
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [],
    )
    response = loader.RFC6960OCSPResponseDocumentLoader().load_document(body)
    return [
        f"{description.finding.code}: {description.message}"
        for result in validator.validate(response.root)
        for description in result.finding_descriptions
        if description.finding.severity <= ValidationFindingSeverity.WARNING
    ]


def with_nonce(*cert_ids: bytes) -> bytes:
    requests = der.sequence(der.sequence((cert_id,)) for cert_id in cert_ids)
    nonce = der.extension(oids.OCSP_NONCE, der.octet_string(b"n" * 32))
    return der.sequence((der.sequence((requests, der.context(2, der.sequence((nonce,))))),))


def plain(pki: Pki, serial: int, form: int = 0, issuer: str = CITIZEN) -> bytes:
    return plain_request(pki.ocsp.forms.of_issuer(issuer)[form], serial)


def test_good_hold_unknown_nonce_and_several(
    pki: Pki, issue: Issue, citizen_request: Callable[..., CertificateRequest]
) -> None:
    good, held = issue().serial, issue(delivered=False).serial
    signature = pki.authority.issue(citizen_request("signature", Profile.SIGNATURE)).serial
    cert_id = parse_request(plain(pki, good)).cert_ids[0].raw
    requests = [plain(pki, good, form) for form in range(4)]
    requests += [plain(pki, held), plain(pki, 5), plain(pki, signature, issuer="citizen-sign-g1")]
    requests += [with_nonce(cert_id), with_nonce(cert_id, cert_id)]
    assert [findings(pki.ocsp.answer(request).body) for request in requests] == [[]] * len(requests)


def test_every_reason(pki: Pki, issue: Issue) -> None:
    for reason in RevocationReason:
        if reason.code in {6, 8}:
            continue
        serial = issue().serial
        pki.authority.revoke(serial, reason, "tester", "")
        assert findings(pki.ocsp.answer(plain(pki, serial)).body) == []


def test_extended_revoked(home: Home, clock: Any, pki: Pki) -> None:
    assert pki.status.states((5,)) == {}
    strict = open_pki(dataclasses.replace(home, ocsp_extended_revoke=True), clock)
    try:
        assert findings(strict.ocsp.answer(plain(strict, 5)).body) == []
    finally:
        strict.close()


def test_the_linter_would_find_something(pki: Pki, issue: Issue) -> None:
    """A responder's answer without its certificates' trailing octet does not even load."""
    body = pki.ocsp.answer(plain(pki, issue().serial)).body
    late = body.replace(b"\x18\x0f2026", b"\x18\x0f20x6", 1)
    assert findings(late) != []
