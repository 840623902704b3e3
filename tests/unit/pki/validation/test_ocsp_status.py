"""OCSP answers, made by another library: who may sign them, and what they must be about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from pki import der, oids
from pki.validation import Evidence, PathPolicy, RevocationMode, validate
from pki.validation.certificate import read_certificate
from pki.validation.decoders import Usage
from pki.validation.errors import MalformedOcspError, RevokedError, StaleStatusError, StatusUnknownError
from pki.validation.ocsp import read_ocsp
from tests.unit.pki.validation.making import (
    DAY,
    NOW,
    NULL,
    Entry,
    Party,
    ca,
    certify,
    key_usage,
    make_crl,
    party,
    purposes,
    unknown,
)

WANTED = PathPolicy(revocation=RevocationMode.OCSP)
EITHER = PathPolicy(revocation=RevocationMode.EITHER)
CA, OTHER, LEAF, RESPONDER = party("ca"), party("other"), party("leaf"), party("responder")
ANCHOR = certify(CA, CA, *ca())
ROGUE = certify(Party(CA.name, OTHER.key), Party(CA.name, OTHER.key), *ca())
PLAIN = certify(LEAF, CA, serial=77)
NOCHECK = der.extension(oids.OCSP_NOCHECK, NULL)
SIGNING = purposes(oids.OCSP_SIGNING)
DELEGATE = certify(RESPONDER, CA, key_usage(Usage.DIGITAL_SIGNATURE), SIGNING, NOCHECK, serial=5)
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def answer(
    status: ocsp.OCSPCertStatus = GOOD,
    *,
    about: bytes = PLAIN,
    issuer: bytes = ANCHOR,
    responder: bytes = DELEGATE,
    key: Party = RESPONDER,
    certificates: Sequence[bytes] | None = None,
    life: tuple[datetime, datetime | None] = (NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
    hash_algorithm: HashAlgorithm | None = None,
    by_key: bool = True,
    nonce: bytes | None = None,
) -> bytes:
    load = x509.load_der_x509_certificate
    revoked = status is REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        load(about),
        load(issuer),
        hash_algorithm or SHA256(),
        status,
        life[0],
        life[1],
        NOW - DAY if revoked else None,
        x509.ReasonFlags.key_compromise if revoked else None,
    )
    encoding = ocsp.OCSPResponderEncoding.HASH if by_key else ocsp.OCSPResponderEncoding.NAME
    builder = builder.responder_id(encoding, load(responder))
    sent = [responder] if certificates is None else certificates
    if sent:
        builder = builder.certificates([load(item) for item in sent])
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.sign(key.key, SHA256()).public_bytes(Encoding.DER)


def judge(
    *answers: bytes, policy: PathPolicy = WANTED, crls: Sequence[bytes] = (), nonce: bytes | None = None
) -> None:
    validate([PLAIN], [ANCHOR], NOW, policy, Evidence.of(crls, answers, nonce))


@pytest.mark.parametrize("by_key", [True, False])
@pytest.mark.parametrize("hash_algorithm", [SHA1(), SHA256(), SHA384()])  # noqa: S303 - CertIDs use it
def test_good_by_a_delegate_and_by_the_ca_itself(hash_algorithm: HashAlgorithm, *, by_key: bool) -> None:
    judge(answer(hash_algorithm=hash_algorithm, by_key=by_key))
    own = answer(responder=ANCHOR, key=CA, certificates=[], hash_algorithm=hash_algorithm, by_key=by_key)
    judge(own)


def test_revoked() -> None:
    with pytest.raises(RevokedError) as caught:
        judge(answer(REVOKED))
    assert (caught.value.reason, caught.value.since) == ("keyCompromise", NOW - DAY)
    assert caught.value.serial == 77


def delegate(*extensions: bytes, by: Party = CA, **more: object) -> bytes:
    return certify(RESPONDER, by, *extensions, **more)  # type: ignore[arg-type]


def forged(status: ocsp.OCSPCertStatus = GOOD) -> bytes:
    """Signed by another key than that of the delegate whose certificate and name it carries."""
    double = certify(Party(RESPONDER.name, OTHER.key), OTHER)
    return answer(status, responder=double, key=OTHER, certificates=[DELEGATE], by_key=False)


NOT_ENOUGH = {
    "none": [],
    "unknown": [answer(UNKNOWN)],
    "other serial": [answer(about=certify(LEAF, CA, serial=78))],
    "other issuer's key": [answer(issuer=ROGUE)],
    "forged": [forged()],
    "no certificate": [answer(certificates=[])],
    "not for OCSP": [answer(responder=delegate(purposes(oids.CLIENT_AUTH), NOCHECK))],
    "any purpose": [answer(responder=delegate(purposes("2.5.29.37.0"), NOCHECK))],
    "no purpose": [answer(responder=delegate(NOCHECK))],
    "wrong usage": [answer(responder=delegate(key_usage(Usage.KEY_AGREEMENT), SIGNING, NOCHECK))],
    "unknown critical": [answer(responder=delegate(SIGNING, NOCHECK, unknown(critical=True)))],
    "delegate of another": [answer(responder=delegate(SIGNING, NOCHECK, by=OTHER))],
    "delegate of a namesake": [answer(responder=delegate(SIGNING, NOCHECK, by=Party(CA.name)))],
    "ended delegate": [answer(responder=delegate(SIGNING, NOCHECK, life=(NOW - 2 * DAY, NOW - DAY)))],
    "delegate of unknown status": [answer(responder=delegate(SIGNING))],
    "the leaf's own": [answer(responder=PLAIN, key=LEAF)],
}


@pytest.mark.parametrize("answers", NOT_ENOUGH.values(), ids=NOT_ENOUGH)
def test_without_an_answer_that_counts_the_status_is_unknown(answers: list[bytes]) -> None:
    with pytest.raises(StatusUnknownError) as caught:
        judge(*answers)
    assert caught.value.depth == 0


@pytest.mark.parametrize(
    "life",
    [
        (NOW - 2 * DAY, NOW - timedelta(minutes=5, seconds=1)),
        (NOW + timedelta(minutes=5, seconds=1), NOW + DAY),
        (NOW - timedelta(days=1, minutes=5, seconds=1), None),
    ],
)
def test_an_answer_of_another_time_is_stale(life: tuple[datetime, datetime | None]) -> None:
    with pytest.raises(StaleStatusError):
        judge(answer(life=life))


@pytest.mark.parametrize(
    "life",
    [
        (NOW - 2 * DAY, NOW - timedelta(minutes=5)),
        (NOW + timedelta(minutes=5), NOW + DAY),
        (NOW - DAY, None),
    ],
)
def test_clocks_may_differ_a_little(life: tuple[datetime, datetime | None]) -> None:
    judge(answer(life=life))


def test_nonces() -> None:
    judge(answer(nonce=b"n" * 32), nonce=b"n" * 32)
    judge(answer(nonce=b"n" * 32))
    for wrong in (answer(nonce=b"m" * 32), answer()):
        with pytest.raises(StatusUnknownError):
            judge(wrong, nonce=b"n" * 32)


def test_a_delegate_without_nocheck_needs_a_status() -> None:
    by_delegate = answer(responder=delegate(SIGNING, serial=6))
    judge(by_delegate, crls=[make_crl(CA)])
    with pytest.raises(StatusUnknownError):
        judge(by_delegate, crls=[make_crl(CA, Entry(6))])
    judge(by_delegate, policy=PathPolicy(revocation=RevocationMode.OCSP, delegated_status=False))


def test_either_source() -> None:
    judge(answer(), policy=EITHER)
    judge(crls=[make_crl(CA)], policy=EITHER)
    judge(answer(UNKNOWN), crls=[make_crl(CA)], policy=EITHER)
    with pytest.raises(RevokedError):
        judge(answer(REVOKED), crls=[make_crl(CA)], policy=EITHER)
    with pytest.raises(RevokedError):
        judge(crls=[make_crl(CA, Entry(77))], policy=EITHER)
    with pytest.raises(StatusUnknownError) as caught:
        judge(answer(UNKNOWN), policy=EITHER)
    assert len(caught.value.causes) == 2


def test_one_bad_answer_beside_a_good_one_does_no_harm() -> None:
    judge(forged(REVOKED), answer())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x30\x00",
        der.sequence((der.enumerated(6),)),
        der.sequence((der.enumerated(0),)),
        answer()[:-1],
        answer() + b"\x00",
    ],
)
def test_what_is_no_answer(raw: bytes) -> None:
    with pytest.raises(MalformedOcspError):
        Evidence.of(ocsp=[raw])


FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_times_at_the_calendars_end_are_only_times() -> None:
    judge(answer(life=(NOW - DAY, FAR)))
    for life in ((FAR, None), (FAR, FAR)):
        with pytest.raises(StaleStatusError):
            judge(answer(life=life))


def refused(evidence: Evidence) -> StatusUnknownError:
    with pytest.raises(StatusUnknownError) as caught:
        validate([PLAIN], [ANCHOR], NOW, WANTED, evidence)
    return caught.value


def agreed(*responders: bytes, signed: bytes) -> Evidence:
    return Evidence.of(ocsp=[signed], responders=[read_certificate(item, None) for item in responders])


def test_where_responders_were_agreed_upon_these_alone_count_whoever_issued_to_them() -> None:
    by_other = certify(RESPONDER, OTHER)
    ended = certify(RESPONDER, OTHER, life=(NOW - 2 * DAY, NOW - DAY))
    validate([PLAIN], [ANCHOR], NOW, WANTED, agreed(by_other, signed=answer(certificates=[])))
    validate([PLAIN], [ANCHOR], NOW, WANTED, agreed(ended, by_other, signed=answer(certificates=[])))
    refused(agreed(ended, signed=answer()))
    refused(agreed(by_other, signed=answer(responder=ANCHOR, key=CA, certificates=[])))
    refused(agreed(by_other, signed=forged()))


def test_who_disowns_a_certificate_and_who_only_does_not_tell() -> None:
    assert refused(Evidence.of(ocsp=[answer(UNKNOWN)])).disowned
    assert not refused(Evidence.of(ocsp=[forged(UNKNOWN)])).disowned
    assert not refused(Evidence.of()).disowned
    with pytest.raises(StatusUnknownError) as caught:
        judge(answer(UNKNOWN), policy=EITHER)
    assert caught.value.disowned


@pytest.mark.parametrize("status", [1, 2, 3, 5, 6])
def test_what_a_responder_reports_is_told(status: int) -> None:
    with pytest.raises(MalformedOcspError) as caught:
        Evidence.of(ocsp=[der.sequence((der.enumerated(status),))])
    assert caught.value.reported == status
    with pytest.raises(MalformedOcspError) as caught:
        Evidence.of(ocsp=[b"garbage"])
    assert caught.value.reported is None


def test_a_nonce_that_is_echoed_bare() -> None:
    """RFC 2560 didn't say that it is an OCTET STRING, and some responders still hold to that."""
    wrapped = answer(nonce=b"n" * 32)
    bare = wrapped.replace(der.octet_string(der.octet_string(b"n" * 32)), der.octet_string(b"n" * 34))
    assert read_ocsp(wrapped).nonce == b"n" * 32
    assert read_ocsp(bare).nonce == b"n" * 34
