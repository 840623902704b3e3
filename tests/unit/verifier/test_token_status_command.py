"""`hoviat token verify --status`: the card's issuer is asked over the network, and its word counts."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from pki.oids import HOVIAT_AUTHENTICATION_POLICY
from simulators.forge.certificates import NOW
from simulators.forge.tokens import NONCE, ORIGIN, Forge, ForgedCard
from tests.unit.pki.validation.making import DAY, Entry, Party, make_crl
from tests.unit.verifier.status.responder import (
    GOOD,
    HOLD,
    OTHER,
    OTHER_ANCHOR,
    REVOKED,
    UNKNOWN,
    Behaviour,
    Saying,
    answering,
    error_answer,
    http,
    sending,
    served,
)
from verifier.cli import token

FORGE = Forge.create()
SERIAL = FORGE.spec.serial
ISSUER = FORGE.authority.certificate
ISSUER_DER = ISSUER.public_bytes(Encoding.DER)
AUTHORITY = Party(ISSUER.subject.public_bytes(), FORGE.authority.key)
KNOWN = FORGE.card(policies=[HOVIAT_AUTHENTICATION_POLICY]).der
BY_ITSELF = Saying(
    this_update=NOW, next_update=NOW + DAY, issuer=ISSUER_DER, signer=ISSUER_DER, key=AUTHORITY, sent=[]
)
"""What the authority that issued the card says, signed by itself: good."""
LIFE = (NOW - DAY, NOW + DAY)
LOOPBACK = ("--network", "127.0.0.0/8")


def saying(status: object = GOOD, **changes: object) -> Behaviour:
    said = Saying(**{**vars(BY_ITSELF), "status": status, **changes})
    return answering(lambda body: said.answer(body, KNOWN))


def listing(*entries: Entry, signer: Party | None = None) -> Behaviour:
    return sending(http(make_crl(AUTHORITY, *entries, life=LIFE, signer=signer)))


def card_naming(source: str, url: str) -> ForgedCard:
    where = x509.UniformResourceIdentifier(url)
    named: x509.ExtensionType = x509.AuthorityInformationAccess(
        [x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)]
    )
    if source == "crl":
        named = x509.CRLDistributionPoints([x509.DistributionPoint([where], None, None, None)])
    return FORGE.card(policies=[HOVIAT_AUTHENTICATION_POLICY], extensions=[(named, False)])


@dataclass(frozen=True)
class Asking:
    """The command, with one authority trusted."""

    folder: Path

    def __call__(self, card: ForgedCard, source: str, *more: str, nonce: str = NONCE) -> Result:
        trust = self.folder / "trust.pem"
        trust.write_bytes(ISSUER.public_bytes(Encoding.PEM))
        options = ["--policy", "national", "--trust", str(trust), "--origin", ORIGIN, "--nonce", nonce]
        options += ["--at", NOW.isoformat(), "--status", source]
        return CliRunner().invoke(token, ["verify", *options, *more, "-"], input=card.text())


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    return Asking(tmp_path)


GOOD_ONES = {"ocsp": saying(), "crl": listing(Entry(SERIAL + 1, 1))}


@pytest.mark.parametrize("source", GOOD_ONES)
def test_good(asking: Asking, source: str) -> None:
    with served(GOOD_ONES[source]) as url:
        card = card_naming(source, url)
        words, members = asking(card, source, *LOOPBACK), asking(card, source, *LOOPBACK, "--json")
    assert (words.exit_code, members.exit_code) == (0, 0)
    assert words.output.count("passed") == 8
    assert f"By {source.upper()} the certificate is good." in words.output
    assert json.loads(members.output) == {
        "ok": True,
        "error": None,
        "step": None,
        "detail": None,
        "status": {"source": source, "answer": {"status": "good", "since": None, "reason": None}},
    }


REFUSED = {
    "OCSP: revoked": ("ocsp", saying(REVOKED), "certificate-revoked", "revoked"),
    "OCSP: on hold": ("ocsp", saying(REVOKED, reason=HOLD), "certificate-suspended", "on_hold"),
    "OCSP: unknown": ("ocsp", saying(UNKNOWN), "certificate-unknown", "unknown"),
    "CRL: revoked": ("crl", listing(Entry(SERIAL, 1)), "certificate-revoked", "revoked"),
    "CRL: on hold": ("crl", listing(Entry(SERIAL, 6)), "certificate-suspended", "on_hold"),
    "OCSP: old": ("ocsp", saying(this_update=NOW - DAY), "status-stale", None),
    "OCSP: of somebody else": (
        "ocsp",
        saying(signer=OTHER_ANCHOR, key=OTHER),
        "status-untrusted-answer",
        None,
    ),
    "OCSP: tryLater": ("ocsp", sending(http(error_answer(3))), "status-source-failed", None),
    "OCSP: 404": ("ocsp", sending(http(b"", "404 Not Found")), "status-source-failed", None),
    "CRL: of somebody else": ("crl", listing(signer=OTHER), "status-untrusted-answer", None),
    "CRL: garbage": ("crl", sending(http(b"<html>")), "status-untrusted-answer", None),
}


@pytest.mark.parametrize(("source", "behaviour", "kind", "answer"), REFUSED.values(), ids=REFUSED)
def test_refused(asking: Asking, source: str, behaviour: Behaviour, kind: str, answer: str | None) -> None:
    with served(behaviour) as url:
        card = card_naming(source, url)
        words, members = asking(card, source, *LOOPBACK), asking(card, source, *LOOPBACK, "--json")
    assert (words.exit_code, members.exit_code) == (1, 1)
    assert "8  FAILED" in words.output
    assert "The token is accepted" not in words.output
    told = json.loads(members.output)
    assert (told["ok"], told["error"], told["step"]) == (False, f"urn:hoviat:problem:{kind}", 8)
    assert (told["status"]["answer"] or {}).get("status") == answer


def test_loopback_is_not_asked_without_permission(asking: Asking) -> None:
    with served(saying()) as url:
        for networks in ((), ("--network", "10.0.0.0/8")):
            result = asking(card_naming("ocsp", url), "ocsp", *networks, "--json")
            assert result.exit_code == 1
            assert json.loads(result.output)["error"] == "urn:hoviat:problem:status-source-unknown"


@pytest.mark.parametrize("source", ["ocsp", "crl"])
def test_a_certificate_that_names_nobody(asking: Asking, source: str) -> None:
    result = asking(ForgedCard(FORGE.spec.key, KNOWN), source)
    assert result.exit_code == 1
    assert "8  FAILED" in result.output
    assert "names no address" in result.output


def test_nobody_is_asked_about_a_card_that_did_not_sign(asking: Asking) -> None:
    result = asking(card_naming("ocsp", "http://127.0.0.1:9/"), "ocsp", *LOOPBACK, nonce="x" * 44)
    assert result.exit_code == 1
    assert "7  FAILED" in result.output
    assert "8  not reached" in result.output


def test_what_is_no_network(asking: Asking) -> None:
    result = asking(ForgedCard(FORGE.spec.key, KNOWN), "ocsp", "--network", "localhost")
    assert result.exit_code == 1
    assert "not a network" in result.output


def test_batch_asks_nobody() -> None:
    result = CliRunner().invoke(token, ["verify", "--batch", "--status", "ocsp", "-"], input="")
    assert result.exit_code == 2
    assert "--batch asks nobody" in result.output
