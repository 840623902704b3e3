"""Every way in which an OCSP responder can be wrong, and what a login is told."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from pki import der, oids
from pki.validation.decoders import Usage
from tests.unit.pki.validation.making import DAY, NOW, Party, ca, certify, key_usage, purposes, subject_key
from tests.unit.verifier.status.responder import (
    ANCHOR,
    CA,
    CARD,
    COMPROMISE,
    DELEGATE,
    HOLD,
    NOCHECK,
    OTHER,
    OTHER_ANCHOR,
    RESPONDER,
    REVOKED,
    SIGNING,
    UNKNOWN,
    Behaviour,
    Received,
    Saying,
    answering,
    asked_of,
    card,
    error_answer,
    http,
    lookup_of,
    names_responder,
    nonce_of,
    run,
    sending,
    serving,
    silent,
    source,
)
from verifier.authentication.status import CertificateStatus, StatusAnswer, check_status
from verifier.authentication.statuserrors import (
    CertificateRevokedError,
    CertificateSuspendedError,
    CertificateUnknownError,
    SourceFault,
    StatusError,
    StatusSourceFailedError,
    StatusSourceUnknownError,
    StatusStaleError,
    StatusTimeoutError,
    StatusUnavailableError,
    StatusUntrustedAnswerError,
)
from verifier.status.places import read_place

SERIAL = 4711
MINUTE = timedelta(minutes=1)


def card_at(url: str) -> bytes:
    return card(names_responder(url), serial=SERIAL)


def told(saying: Saying, at: datetime = NOW, **changes: Any) -> StatusAnswer:
    """What is made of such an answer."""
    certificate = card(serial=SERIAL)  # the same issuer and serial, which is all that an answer is about
    return run(asked_of(answering(lambda body: saying.answer(body, certificate)), card_at, at, **changes))


def refusal(behaviour: Behaviour, **changes: Any) -> StatusError:
    with pytest.raises(StatusError) as caught:
        check_status(run(asked_of(behaviour, card_at, **changes)))
    return caught.value


def test_good() -> None:
    assert told(Saying()) == StatusAnswer(CertificateStatus.GOOD)


def test_good_by_the_authority_itself() -> None:
    assert told(Saying(signer=ANCHOR, key=CA, sent=[])).status is CertificateStatus.GOOD


def test_revoked() -> None:
    answer = told(Saying(REVOKED, COMPROMISE))
    assert answer == StatusAnswer(CertificateStatus.REVOKED, NOW - DAY, "keyCompromise")
    with pytest.raises(CertificateRevokedError):
        check_status(answer)


def test_on_hold() -> None:
    answer = told(Saying(REVOKED, HOLD))
    assert answer == StatusAnswer(CertificateStatus.ON_HOLD, NOW - DAY, "certificateHold")
    with pytest.raises(CertificateSuspendedError):
        check_status(answer)


def test_unknown() -> None:
    answer = told(Saying(UNKNOWN))
    assert answer == StatusAnswer(CertificateStatus.UNKNOWN)
    with pytest.raises(CertificateUnknownError):
        check_status(answer)


def signed_by(*extensions: bytes, issuer: Party = CA, **more: Any) -> Saying:
    return Saying(signer=certify(RESPONDER, issuer, *extensions, **more))


STALE = {
    "old thisUpdate": Saying(this_update=NOW - timedelta(seconds=121)),
    "future thisUpdate": Saying(this_update=NOW + timedelta(seconds=901), next_update=None),
    "nextUpdate over": Saying(this_update=NOW - MINUTE, next_update=NOW - MINUTE),
}
UNTRUSTED = {
    "another serial": Saying(about=card(serial=SERIAL + 1)),
    "another issuer": Saying(issuer=OTHER_ANCHOR),
    "another issuer of the same name": Saying(issuer=certify(Party(CA.name, OTHER.key), CA)),
    "undelegated signer": signed_by(key_usage(Usage.DIGITAL_SIGNATURE), NOCHECK),
    "signer for another purpose": signed_by(purposes(oids.CLIENT_AUTH), NOCHECK),
    "expired signer": signed_by(*SIGNING, life=(NOW - 2 * DAY, NOW - DAY)),
    "signer of tomorrow": signed_by(*SIGNING, life=(NOW + DAY, NOW + 2 * DAY)),
    "another trusted CA's signer": signed_by(*SIGNING, issuer=OTHER),
    "another trusted CA itself": Saying(signer=OTHER_ANCHOR, key=OTHER),
    "the card's own key": Saying(signer=card(serial=SERIAL), key=CARD),
    "another key than the signer's": Saying(
        signer=certify(Party(RESPONDER.name, OTHER.key), OTHER), key=OTHER, sent=[DELEGATE], by_name=True
    ),
    "no signer's certificate": Saying(sent=[]),
    "signer without nocheck": signed_by(*SIGNING[:-1]),
    "nonce missing": Saying(nonce=None),
    "nonce different": Saying(nonce=b"another one"),
}


@pytest.mark.parametrize("saying", UNTRUSTED.values(), ids=UNTRUSTED)
def test_an_answer_that_counts_for_nothing(saying: Saying) -> None:
    with pytest.raises(StatusUntrustedAnswerError):
        told(saying)


@pytest.mark.parametrize("saying", UNTRUSTED.values(), ids=UNTRUSTED)
def test_nor_does_it_revoke(saying: Saying) -> None:
    """Who may not say good may not lock anybody out."""
    with pytest.raises(StatusUntrustedAnswerError):
        told(replace(saying, status=REVOKED))


@pytest.mark.parametrize("saying", STALE.values(), ids=STALE)
def test_an_answer_of_another_time(saying: Saying) -> None:
    with pytest.raises(StatusStaleError):
        told(saying, skew=0 if saying.next_update == NOW - MINUTE else 900)


@pytest.mark.parametrize("saying", [Saying(this_update=NOW - 2 * MINUTE), Saying(next_update=None)])
def test_just_in_time(saying: Saying) -> None:
    assert told(saying).status is CertificateStatus.GOOD


def test_a_responders_clock_ten_minutes_ahead() -> None:
    ahead = NOW + 10 * MINUTE
    assert told(Saying(this_update=ahead, next_update=ahead + MINUTE)).status is CertificateStatus.GOOD


def test_a_responders_clock_ten_minutes_behind() -> None:
    behind = Saying(this_update=NOW - 10 * MINUTE, next_update=NOW - 9 * MINUTE)
    with pytest.raises(StatusStaleError):
        told(behind)
    assert told(behind, max_age=600.0).status is CertificateStatus.GOOD


@pytest.mark.parametrize(
    ("minutes", "expected"), [(-10, CertificateStatus.GOOD), (10, None), (-16, None)], ids=str
)
def test_our_own_clock_off(minutes: int, expected: CertificateStatus | None) -> None:
    at = NOW + minutes * MINUTE
    if expected is None:
        with pytest.raises(StatusStaleError):
            told(Saying(), at)
    else:
        assert told(Saying(), at).status is expected


def test_a_replayed_answer_counts_where_no_nonce_is_sent() -> None:
    assert told(Saying(nonce=None), nonce=False).status is CertificateStatus.GOOD
    assert told(Saying(nonce=b"of somebody else"), nonce=False).status is CertificateStatus.GOOD


def test_a_signer_without_nocheck_where_its_short_life_is_enough() -> None:
    assert told(signed_by(*SIGNING[:-1]), nocheck=False).status is CertificateStatus.GOOD


def test_two_answers_to_one_question() -> None:
    asked, other = card(serial=SERIAL), card(serial=SERIAL + 1)

    def both(body: bytes) -> bytes:
        return _with_two_singles(Saying().answer(body, asked), Saying().answer(body, other))

    assert isinstance(refusal(answering(both)), StatusUntrustedAnswerError)


def _with_two_singles(one: bytes, other: bytes) -> bytes:
    """The first answer with both singles; that its signature is wrong shall not be why it is refused."""

    def parts(raw: bytes) -> list[der.Element]:
        basic = der.parse(der.parse(raw, der.SEQUENCE).children()[1].content, der.SEQUENCE).children()[1]
        return der.parse(basic.content, der.SEQUENCE).children()

    data, algorithm, _signature, certificates = parts(one)
    fields = data.children()
    place = next(i for i, item in enumerate(fields) if item.tag == der.SEQUENCE)
    singles = fields[place].content + parts(other)[0].children()[place].content
    tbs = der.sequence(
        der.encode(der.SEQUENCE, singles) if i == place else item.raw for i, item in enumerate(fields)
    )
    signed = der.parse(RESPONDER.sign(tbs), der.SEQUENCE).children()[2]
    basic = der.sequence((tbs, algorithm.raw, signed.raw, certificates.raw))
    inner = der.sequence((der.object_identifier(oids.OCSP_BASIC), der.octet_string(basic)))
    return der.sequence((der.enumerated(0), der.context(0, inner)))


REPORTED = {"malformedRequest": 1, "internalError": 2, "tryLater": 3, "sigRequired": 5, "unauthorized": 6}


@pytest.mark.parametrize("status", REPORTED.values(), ids=REPORTED)
def test_the_responder_reports_an_error(status: int) -> None:
    failed = status in {REPORTED["internalError"], REPORTED["tryLater"]}
    expected = StatusSourceFailedError if failed else StatusUntrustedAnswerError
    assert type(refusal(answering(lambda _body: error_answer(status)))) is expected


GARBAGE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _body: b"",
    "text": lambda _body: b"<html>Welcome to the hotel's wireless network</html>",
    "the request": lambda body: body,
    "a certificate": lambda _body: DELEGATE,
    "cut off": lambda body: Saying().answer(body, card(serial=SERIAL))[:-1],
    "something behind": lambda body: Saying().answer(body, card(serial=SERIAL)) + b"\0",
}


@pytest.mark.parametrize("make", GARBAGE.values(), ids=GARBAGE)
def test_lying(make: Callable[[bytes], bytes]) -> None:
    assert type(refusal(answering(make))) is StatusUntrustedAnswerError


def test_slow() -> None:
    assert type(refusal(silent, budget=0.05)) is StatusTimeoutError


def test_a_byte_now_and_then() -> None:
    async def drip(_received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            writer.write(b"0")
            await writer.drain()
            await asyncio.sleep(0.005)  # the server's own pace, not a wait of the test

    assert type(refusal(drip, budget=0.1)) is StatusTimeoutError


def test_dead() -> None:
    async def ask() -> None:
        async with serving(silent) as server:
            pass  # nobody listens there any more
        lookup = lookup_of(source(server.port))
        await lookup.ask(ANCHOR, card_at(server.url()), NOW)

    with pytest.raises(StatusSourceFailedError):
        run(ask())


HTTP_FAILURES = {
    "not found": http(b"", "404 Not Found"),
    "server error": http(b"", "503 Service Unavailable"),
    "no content": http(b"", "204 No Content"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.7\r\n",
    "cut off": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc",
    "nothing": b"",
    "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000,
}


@pytest.mark.parametrize("raw", HTTP_FAILURES.values(), ids=HTTP_FAILURES)
def test_http_that_fails(raw: bytes) -> None:
    assert type(refusal(sending(raw))) is StatusSourceFailedError


def test_no_aia() -> None:
    error = refusal_without_asking(lambda _url: card())
    assert error.fault is SourceFault.NOT_NAMED


def refusal_without_asking(certificate: Callable[[str], bytes], **changes: Any) -> StatusSourceUnknownError:
    """The server must not be reached."""

    async def ask() -> None:
        async with serving(silent) as server:
            lookup = lookup_of(source(server.port, **changes))
            try:
                await lookup.ask(ANCHOR, certificate(server.url()), NOW)
            finally:
                assert server.received == []

    with pytest.raises(StatusSourceUnknownError) as caught:
        run(ask())
    return caught.value


ELSEWHERE = [
    "file:///etc/passwd",
    "http://127.0.0.1/ocsp",
    "http://localhost/ocsp",
    "http://[::1]/ocsp",
    "http://169.254.169.254/latest/meta-data/",
    "http://elsewhere.example/ocsp",
    "ldap://status.example/cn=ca",
    "gopher://status.example/",
    "//status.example/",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE, ids=lambda url: url or "empty")
def test_aia_pointing_at_a_file_or_at_loopback(url: str) -> None:
    error = refusal_without_asking(lambda _url: card(names_responder(url)))
    assert error.fault is SourceFault.ADDRESS_REFUSED


def test_an_allowed_host_at_a_private_address() -> None:
    error = refusal_without_asking(card_at, networks=())
    assert error.fault is SourceFault.ADDRESS_REFUSED


def test_the_first_that_may_be_asked_is_asked() -> None:
    def certificate(url: str) -> bytes:
        return card(
            names_responder("ldap://status.example/", "http://elsewhere.example/", url), serial=SERIAL
        )

    behaviour = answering(lambda body: Saying().answer(body, card(serial=SERIAL)))
    assert run(asked_of(behaviour, certificate)).status is CertificateStatus.GOOD


def test_a_designated_responder_is_asked_whatever_the_certificate_names() -> None:
    async def ask() -> StatusAnswer:
        asked = card(names_responder("http://elsewhere.example/"))
        async with serving(answering(lambda body: Saying().answer(body, asked))) as server:
            lookup = lookup_of(source(server.port, responder=read_place(server.url())))
            return await lookup.ask(ANCHOR, asked, NOW)

    assert run(ask()).status is CertificateStatus.GOOD


def test_only_agreed_responders_count_where_there_are_any() -> None:
    agreed = certify(RESPONDER, OTHER, life=(NOW - DAY, NOW + DAY))
    assert told(Saying(signer=agreed), responders=[agreed]).status is CertificateStatus.GOOD
    with pytest.raises(StatusUntrustedAnswerError):
        told(Saying(signer=ANCHOR, key=CA), responders=[agreed])
    with pytest.raises(StatusUntrustedAnswerError):
        told(Saying(signer=agreed), responders=[certify(RESPONDER, OTHER, life=(NOW - 2 * DAY, NOW - DAY))])


def test_an_issuer_without_a_source_is_refused_and_named_as_a_table_would(
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = bytes.fromhex("0815" * 10)
    for authority, name in (
        (OTHER_ANCHOR, f"SHA-256 {hashlib.sha256(OTHER_ANCHOR).hexdigest()}"),
        (certify(OTHER, OTHER, *ca(), subject_key(key)), f'[status."{key.hex()}"]'),
    ):
        with pytest.raises(StatusSourceUnknownError) as caught:
            run(lookup_of(source(1)).ask(authority, card(issuer=OTHER), NOW))
        assert caught.value.fault is SourceFault.NOT_CONFIGURED
        assert name in caplog.text


def test_what_is_sent() -> None:
    async def ask(**changes: Any) -> list[Received]:
        async with serving(answering(lambda body: Saying().answer(body, card(serial=SERIAL)))) as server:
            lookup = lookup_of(source(server.port, **changes))
            for _ in range(2):
                await lookup.ask(ANCHOR, card_at(server.url()), NOW)
            return server.received

    first, second = run(ask())
    assert first.head.startswith("POST /status HTTP/1.1\r\n")
    assert "content-type: application/ocsp-request" in first.head.lower()
    assert "host: status.example:" in first.head.lower()
    nonces = {nonce_of(first.body), nonce_of(second.body)}
    assert len(nonces) == 2
    assert all(nonce is not None and len(nonce) == 32 for nonce in nonces)
    assert nonce_of(run(ask(nonce=False))[0].body) is None


def test_what_is_not_a_certificate_is_refused() -> None:
    with pytest.raises(StatusUnavailableError):
        run(lookup_of(source(1)).ask(ANCHOR, b"\x30\x00", NOW))
