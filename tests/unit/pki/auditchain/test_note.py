"""Checkpoints as signed notes: a public log's own, ours, and everything malformed refused."""

import base64
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from pki.auditchain.errors import CheckpointError
from pki.auditchain.note import NOTE_LIMIT, CheckpointKey, parse_checkpoint, sign_checkpoint
from pki.keys.files import FileSigner

KNOWN = json.loads((Path(__file__).parents[3] / "vectors" / "pki_checkpoint.json").read_text("utf-8"))
ORIGIN = "pki.example/audit"
ROOT = bytes(range(32))
SIGNER = FileSigner(ec.generate_private_key(ec.SECP256R1()))
NOTE = sign_checkpoint(SIGNER, ORIGIN, 12, ROOT).note
BODY = f"{ORIGIN}\n12\n{base64.b64encode(ROOT).decode()}\n"
SIGNATURE = NOTE.removeprefix(BODY + "\n")


def key_of(signer: FileSigner, name: str = ORIGIN) -> CheckpointKey:
    assert isinstance(signer.public_key, ec.EllipticCurvePublicKey)
    return CheckpointKey(name, signer.public_key)


KEY = key_of(SIGNER)


def test_a_public_log_s_checkpoint_is_verified() -> None:
    public = load_der_public_key(base64.b64decode(KNOWN["public_key"]))
    assert isinstance(public, ec.EllipticCurvePublicKey)
    checkpoint = parse_checkpoint(KNOWN["note"])
    checkpoint.verify([CheckpointKey(KNOWN["key_name"], public)], origin=KNOWN["origin"])
    assert checkpoint.size == KNOWN["size"]
    assert base64.b64encode(checkpoint.root).decode() == KNOWN["root"]


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()], ids=["P-256", "P-384"])
def test_what_is_signed_is_read_again(curve: ec.EllipticCurve) -> None:
    signer = FileSigner(ec.generate_private_key(curve))
    made = sign_checkpoint(signer, ORIGIN, 2**40, ROOT)
    read = parse_checkpoint(made.note)
    read.verify([key_of(signer)])
    assert (read, read.size, read.root, read.origin) == (made, 2**40, ROOT, ORIGIN)


def test_a_note_is_its_lines() -> None:
    assert NOTE.startswith(f"{BODY}\n\N{EM DASH} {ORIGIN} ")
    assert NOTE.count("\n") == 5


def test_a_verifier_key_holds_name_id_and_key() -> None:
    name, key_id, encoded = KEY.verifier_key.split("+", 2)
    blob = base64.b64decode(encoded)
    assert (name, key_id, blob[0]) == (ORIGIN, KEY.key_id.hex(), 2)
    assert load_der_public_key(blob[1:]) == KEY.public_key


def test_other_keys_signatures_are_ignored() -> None:
    witness = "\N{EM DASH} witness.example AAAAAKqqqg==\n"
    parse_checkpoint(NOTE + witness).verify([KEY])
    parse_checkpoint(BODY + "\n" + witness + SIGNATURE).verify([KEY])


def test_one_of_several_keys_is_enough() -> None:
    old = key_of(FileSigner(ec.generate_private_key(ec.SECP256R1())))
    parse_checkpoint(NOTE).verify([old, KEY])


def test_a_forged_signature_beside_a_good_one_refuses_the_note() -> None:
    forged = KEY.key_id + sign_checkpoint(SIGNER, ORIGIN, 13, ROOT).signatures[0].signature
    note = NOTE + f"\N{EM DASH} {ORIGIN} {base64.b64encode(forged).decode()}\n"
    with pytest.raises(CheckpointError, match="forged"):
        parse_checkpoint(note).verify([KEY])


@pytest.mark.parametrize(
    "changed",
    [
        NOTE.replace("\n12\n", "\n13\n"),
        NOTE.replace(ORIGIN, "pki.example/other"),
        NOTE.replace(BODY, BODY + "extension\n"),
        NOTE.replace(base64.b64encode(ROOT).decode(), base64.b64encode(bytes(32)).decode()),
    ],
    ids=["size", "origin", "extension", "root"],
)
def test_a_changed_note_is_refused(changed: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(changed).verify([KEY])


def test_another_key_s_checkpoint_is_refused() -> None:
    other = key_of(FileSigner(ec.generate_private_key(ec.SECP256R1())))
    for keys in ([], [other]):
        with pytest.raises(CheckpointError, match="not signed"):
            parse_checkpoint(NOTE).verify(keys)


def test_another_log_s_checkpoint_by_the_same_key_is_refused() -> None:
    note = sign_checkpoint(SIGNER, "pki.example/other", 12, ROOT)
    renamed = replace(note, signatures=parse_checkpoint(NOTE).signatures)
    with pytest.raises(CheckpointError):
        renamed.verify([KEY])
    with pytest.raises(CheckpointError, match="of this log"):
        parse_checkpoint(NOTE).verify([KEY], origin="pki.example/other")


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        BODY,
        BODY + "\n",
        BODY + SIGNATURE,
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n", "\r\n"),
        "\ufeff" + NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n12\n", "\n012\n"),
        NOTE.replace("\n12\n", "\n-1\n"),
        NOTE.replace("\n12\n", "\n\u0661\u0662\n"),
        NOTE.replace("\n12\n", "\n" + "9" * 30 + "\n"),
        NOTE.replace("\n12\n", "\n\n"),
        NOTE.replace("\n12\n", "\n"),
        NOTE.replace("=\n\n", "\n\n"),
        NOTE.replace(base64.b64encode(ROOT).decode(), "AAAA"),
        NOTE.replace(base64.b64encode(ROOT).decode(), base64.b64encode(ROOT).decode()[:-2] + "9="),
        NOTE.replace("\N{EM DASH} ", "- "),
        NOTE.replace(f"\N{EM DASH} {ORIGIN}", "\N{EM DASH} a+b"),
        NOTE.replace(f"\N{EM DASH} {ORIGIN}", "\N{EM DASH} a\u2003b"),
        NOTE.replace(f"\N{EM DASH} {ORIGIN} ", "\N{EM DASH} "),
        BODY + f"\n\N{EM DASH} {ORIGIN} AAAAAA==\n",
        BODY + f"\n\N{EM DASH} {ORIGIN} ****\n",
        NOTE.replace("12", "1\x002"),
        NOTE.replace(ORIGIN, "\ud800"),
        BODY + "\n" + SIGNATURE * 17,
        NOTE + SIGNATURE * (NOTE_LIMIT // len(SIGNATURE)),
    ],
    ids=range(28),
)
def test_what_is_no_checkpoint_is_refused(note: str) -> None:
    with pytest.raises(CheckpointError):
        parse_checkpoint(note)


@given(st.text() | st.text(alphabet="\n\N{EM DASH} 019aA+/="))
def test_any_text_is_read_or_refused(text: str) -> None:
    for note in (text, BODY + text, BODY + "\n" + text, NOTE + text):
        with suppress(CheckpointError):
            assert parse_checkpoint(note).note == note


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "x" * 201])
def test_names_that_no_line_can_hold_are_refused(name: str) -> None:
    with pytest.raises(CheckpointError):
        sign_checkpoint(SIGNER, name, 1, ROOT)


def test_keys_that_signed_notes_have_not_are_refused() -> None:
    with pytest.raises(CheckpointError, match="ECDSA"):
        sign_checkpoint(FileSigner(rsa.generate_private_key(65537, 2048)), ORIGIN, 1, ROOT)
    with pytest.raises(CheckpointError, match="P-256"):
        CheckpointKey(ORIGIN, ec.generate_private_key(ec.SECP256K1()).public_key())
