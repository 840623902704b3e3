"""Who has a receipt and the published keys needs nobody else, and can't be deceived."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pki.errors import KeyStoreError, TokenUnavailableError
from pki.keys.files import FileSigner
from pki.keys.kinds import KeyKind
from simulators.forge.certificates import NOW
from tests.receiptkeys import receipt_keys
from tests.unit.verifier.receipts.world import CARD, World
from verifier.authentication.status import CertificateStatus
from verifier.receipts.keys import ReceiptKeys
from verifier.receipts.proof import (
    MEMBERS,
    Facts,
    FactsDifferError,
    KeyUnknownError,
    NotSignedError,
    Proof,
    ProofMalformedError,
    ReceiptProofError,
    SignatureForgedError,
    hash_of_certificate,
    jwk_set,
    proof_of,
    read_jwk_set,
    verify,
    verify_receipt,
)

KEYS = receipt_keys()
FACTS = Facts("0123456789", NOW, "a" * 16, "national", "accepted", None, "0" * 64)
SIGNED = KEYS.sign(FACTS)[1]
CARD_SHA256 = hashlib.sha256(CARD.der).hexdigest()


def test_accepted_and_refused_are_signed_and_say_so(world: World) -> None:
    accepted, refused = world.log_in(), world.log_in("https://evil.example.ir")
    world.status = CertificateStatus.REVOKED
    revoked = world.log_in()
    keys = read_jwk_set(world.http.get("/verifier/v1/receipt-keys").json())
    for receipt in (accepted, refused, revoked):
        verify_receipt(receipt, keys)
        assert set(verify(receipt["signed"], keys)) == set(MEMBERS)
    assert refused["failed_step"] == 7
    for receipt in (accepted, refused, revoked):
        assert receipt["certificate_hash"] == hash_of_certificate(receipt["code"], CARD_SHA256)
    assert (revoked["failed_step"], revoked["outcome"]) == (8, "certificate-revoked")


def test_nothing_signed_names_a_person(world: World) -> None:
    signed = json.dumps(verify(world.log_in()["signed"], world.keys.public), ensure_ascii=False)
    for personal in ("0499370899", "مریم", "احمدی", CARD_SHA256):
        assert personal not in signed


def test_two_receipts_of_a_card_are_not_joined_by_what_is_signed(world: World) -> None:
    assert world.log_in()["certificate_hash"] != world.log_in()["certificate_hash"]


def test_the_client_verifies_and_fetches_keys_once(world: World) -> None:
    receipt = world.log_in()
    with world.client() as client:
        client.verify_receipt(receipt)
        client.verify_receipt(client.receipt(receipt["code"]))
        with pytest.raises(FactsDifferError):
            client.verify_receipt(receipt | {"outcome": "certificate-revoked"})
        with pytest.raises(NotSignedError):
            client.verify_receipt(receipt | {"signed": None})


def test_published_keys(world: World) -> None:
    answer = world.http.get("/verifier/v1/receipt-keys")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    [key] = answer.json()["keys"]
    assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
    assert key["kid"] == world.keys.current.key_id


@pytest.mark.parametrize("member", MEMBERS)
def test_every_member_counts(world: World, member: str) -> None:
    receipt = world.log_in()
    others: tuple[object, ...] = ("x", 5, [], True)
    for other in others:
        with pytest.raises(FactsDifferError) as caught:
            verify_receipt(receipt | {member: other}, world.keys.public)
        assert caught.value.member == member
    with pytest.raises(FactsDifferError):
        verify_receipt({name: value for name, value in receipt.items() if name != member}, world.keys.public)


@pytest.mark.parametrize(
    ("assignment", "values"),
    [
        ("outcome = 'accepted', failed_step = NULL", {}),
        ("failed_step = 3", {}),
        ("policy = 'webeid'", {}),
        ("time = :time", {"time": "2020-01-01 00:00:00.000000"}),
        ("certificate_sha256 = :digest", {"digest": "0" * 64}),
        ("signature = :signature", {"signature": bytes(64)}),
        ("signature = :signature", {"signature": b""}),
        ("code = '0000000000'", {}),
    ],
)
def test_a_changed_row_no_longer_verifies(world: World, assignment: str, values: dict[str, object]) -> None:
    code = world.log_in("https://evil.example.ir")["code"]
    world.change(assignment, **values)
    changed = world.own("0000000000" if assignment.startswith("code") else code).json()
    with pytest.raises(ReceiptProofError):
        verify_receipt(changed, world.keys.public)
    assert proof_of(changed["signed"], world.keys.public) is Proof.INVALID


@pytest.mark.parametrize("assignment", ["outcome = '<b>'", "failed_step = 99", "failed_step = -1"])
def test_a_row_that_says_nothing_possible_is_not_shown(world: World, assignment: str) -> None:
    code = world.log_in()["code"]
    world.change(assignment)
    assert world.own(code).status_code == 404
    assert world.page(code).status_code == 404


def test_old_receipts_are_unsigned(world: World) -> None:
    code = world.log_in()["code"]
    world.change("key_id = NULL, signature = NULL, detail = NULL, challenge_digest = NULL")
    old = world.own(code).json()
    assert old["signed"] is None
    with pytest.raises(NotSignedError):
        verify_receipt(old, world.keys.public)
    assert world.page(code, Accept="application/json").json()["proof"] == "unsigned"
    assert "این رسید امضا ندارد" in world.page(code).text


def test_after_a_roll_over_the_old_ones_still_verify() -> None:
    signers = {number: FileSigner.generate(KeyKind.P256) for number in (1, 2)}
    old, new = ReceiptKeys({1: signers[1]}), ReceiptKeys(signers)
    assert next(iter(new.public)) == new.key_id != old.key_id
    for keys in (old, new):
        verify(keys.sign(FACTS)[1], new.public)
    with pytest.raises(KeyUnknownError) as caught:
        verify(new.sign(FACTS)[1], old.public)
    assert caught.value.key_id == new.key_id
    assert proof_of(new.sign(FACTS)[1], old.public) is Proof.UNKNOWN_KEY


def test_receipts_are_signed_on_p256_only() -> None:
    for kind in (KeyKind.P384, KeyKind.RSA2048):
        with pytest.raises(KeyStoreError):
            ReceiptKeys({1: FileSigner.generate(kind)})


class LostToken:
    def __init__(self) -> None:
        self.public_key = FileSigner.generate(KeyKind.P256).public_key

    def sign(self, *_: object) -> bytes:
        raise TokenUnavailableError("receipt-g1", "the session is lost")

    sign_digest = sign


def test_no_login_without_a_receipt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nonce = world.nonce()
    signer = world.keys.current._signer
    monkeypatch.setattr(world.keys, "_signer", LostToken())
    answer = world.http.post(
        "/verifier/v1/authentications",
        json={"token": CARD.token(nonce, "https://portal.example.ir"), "nonce": nonce},
        headers={"Authorization": f"Bearer {world.key}"},
    )
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:hoviat:problem:signing-unavailable")
    monkeypatch.setattr(world.keys, "_signer", signer)
    assert world.log_in(nonce=nonce)["outcome"] == "accepted"


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


HEADER, PAYLOAD, SIGNATURE = SIGNED.split(".")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        PAYLOAD,
        f"{HEADER}.{PAYLOAD}",
        f"{SIGNED}.",
        f"{HEADER}..{SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}=",
        f"{HEADER}.{PAYLOAD}. {SIGNATURE}",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE[:-1]}+",
        f"{HEADER}.{PAYLOAD}.{SIGNATURE}AAAA",
        f"{_part({'alg': 'none', 'kid': KEYS.key_id, 'typ': 'hoviat-receipt'})}.{PAYLOAD}.",
        f"{_part({'alg': 'HS256', 'kid': KEYS.key_id, 'typ': 'hoviat-receipt'})}.{PAYLOAD}.{SIGNATURE}",
        f"{_part({'alg': 'ES256', 'kid': KEYS.key_id, 'typ': 'JWT'})}.{PAYLOAD}.{SIGNATURE}",
        f"{_part([])}.{PAYLOAD}.{SIGNATURE}",
        f"{_part({'kid': {}})}.{PAYLOAD}.{SIGNATURE}",
        "é" * 30,
        "A" * 100_000,
    ],
)
def test_odd_signatures(text: str) -> None:
    with pytest.raises((ProofMalformedError, SignatureForgedError)):
        verify(text, KEYS.public)
    assert proof_of(text, KEYS.public) is Proof.INVALID


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, len(SIGNED) - 1), st.sampled_from("ABab01-_"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    changed = SIGNED[:place] + character + SIGNED[place + 1 :]
    if changed != SIGNED:
        with pytest.raises(ReceiptProofError):
            verify(changed, KEYS.public)


@settings(max_examples=50)
@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,20}(\.[A-Za-z0-9_-]{0,20}){2}", fullmatch=True))
def test_any_text_is_refused_in_order(text: str) -> None:
    with pytest.raises(ReceiptProofError):
        verify(text, KEYS.public)


def test_a_key_can_not_take_anothers_id() -> None:
    mine = ec.generate_private_key(ec.SECP256R1()).public_key()
    [published] = _entries(KEYS)
    [forged] = _entries_of({KEYS.key_id: mine})
    assert published["kid"] == forged["kid"]
    with pytest.raises(ProofMalformedError):
        read_jwk_set({"keys": [forged]})


@pytest.mark.parametrize(
    "change",
    [
        {"kty": "RSA"},
        {"kty": "oct", "k": "AAAA"},
        {"crv": "P-384"},
        {"x": "AA"},
        {"x": None},
        {"y": "!"},
        {"kid": None},
        {"kid": "receipt-g1"},
    ],
)
def test_odd_keys(change: dict[str, Any]) -> None:
    [published] = _entries(KEYS)
    with pytest.raises(ProofMalformedError):
        read_jwk_set({"keys": [published | change]})


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {}}, {"keys": [5]}, {"keys": [{}] * 2000}])
def test_odd_sets_of_keys(document: dict[str, Any]) -> None:
    with pytest.raises(ProofMalformedError):
        read_jwk_set(document)


def test_the_thumbprint_that_rfc_9449_prints() -> None:
    x, y = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
    thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # section 6.1, of section 4.1's key
    assert list(read_jwk_set({"keys": [_jwk(x, y, thumbprint)]})) == [thumbprint]


def _jwk(x: str, y: str, key_id: str) -> dict[str, str]:
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": key_id}


def test_openssl_verifies_it(tmp_path: Path) -> None:
    raw = base64.urlsafe_b64decode(SIGNATURE + "==")
    halves = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    files = {
        "key.pem": KEYS.public[KEYS.key_id].public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "signature": encode_dss_signature(*halves),
        "text": f"{HEADER}.{PAYLOAD}".encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "text"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=True)
    assert said.stdout.strip() == b"Verified OK"


def _entries(keys: ReceiptKeys) -> list[dict[str, Any]]:
    return _entries_of(dict(keys.public))


def _entries_of(keys: dict[str, ec.EllipticCurvePublicKey]) -> list[dict[str, Any]]:
    entries: Any = jwk_set(keys)["keys"]
    found: list[dict[str, Any]] = entries
    return found
