"""SCP03 on the card's side against transcripts of real cards (kept outside the project)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from simulators.card.blank import blank_state
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.card.globalplatform import scp03
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.scp03 import Level
from simulators.card.globalplatform.securechannel import SecureChannel
from simulators.card.globalplatform.state import IsdState
from simulators.card.iso7816 import SW, Command
from tests.unit.simulators.card.host import MANAGEMENT_KEY, OK, PIN, PUK, SERIAL

TRANSCRIPTS = 12
SELECT_ISD = bytes.fromhex("00A4040008A000000151000000")
DIVERSIFICATION_BYTES = 10
# The applications of the real cards: nine transcripts come from an eUICC's ISD-R (SGP.02), three from an ISD.
ISD_R, ISD = bytes.fromhex("A0000005591010FFFFFFFF8900000100"), bytes.fromhex("A000000151000000")


@pytest.fixture
def transcripts(test_data: Path) -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((test_data / "scp03.json").read_text())["vectors"]
    assert len(vectors) == TRANSCRIPTS
    return vectors


def hexadecimal(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector[name])


def is_of_a_security_domain(vector: dict[str, Any]) -> bool:
    return str(vector["name"]).startswith("static-keys")


def channel_of(vector: dict[str, Any]) -> SecureChannel:
    host_challenge = Command.parse(hexadecimal(vector, "initialize_update")).data
    answer = hexadecimal(vector, "initialize_update_response")
    card_challenge, cryptogram, counter = answer[13:21], answer[21:29], answer[29:]
    enc, mac = hexadecimal(vector, "key_enc"), hexadecimal(vector, "key_mac")
    aid = ISD if is_of_a_security_domain(vector) else ISD_R
    assert scp03.pseudo_random_challenge(enc, counter, aid) == card_challenge
    keys = scp03.derive_session_keys(enc, mac, host_challenge, card_challenge)
    assert scp03.card_cryptogram(keys, host_challenge, card_challenge) == cryptogram
    if "session_enc" in vector:
        printed = [hexadecimal(vector, f"session_{name}") for name in ("enc", "mac", "rmac")]
        assert [keys.enc, keys.mac, keys.rmac] == printed
    channel = SecureChannel(keys)
    authenticate = Command.parse(hexadecimal(vector, "external_authenticate"))
    expected = scp03.host_cryptogram(keys, host_challenge, card_challenge)
    assert channel.authenticate(authenticate) == expected
    channel.open(Level(authenticate.p1))
    return channel


def test_every_command_and_answer_of_real_cards(transcripts: list[dict[str, Any]]) -> None:
    commands = answers = 0
    for vector in transcripts:
        channel = channel_of(vector)
        for exchange in vector.get("commands", []):
            assert channel.unwrap(Command.parse(hexadecimal(exchange, "wrapped"))) == Command.parse(
                hexadecimal(exchange, "plain")
            ), vector["name"]
            commands += 1
            if "response_plain" in exchange:
                wrapped = channel.wrap(hexadecimal(exchange, "response_plain"), SW.SUCCESS)
                assert wrapped == hexadecimal(exchange, "response_wrapped"), vector["name"]
                answers += 1
    assert (commands, answers) == (47, 9)


@contextmanager
def card_before(vector: dict[str, Any], folder: Path) -> Iterator[SimulatedCard]:
    """A card with the transcript's keys, whose next sequence counter is the transcript's."""
    answer = hexadecimal(vector, "initialize_update_response")
    keys = [hexadecimal(vector, f"key_{name}") for name in ("enc", "mac", "dek")]
    key_set = KeySet(keys[0], keys[1], keys[2], int.from_bytes(answer[29:], "big") - 1)
    blank = blank_state(SERIAL, PIN, PUK, MANAGEMENT_KEY)
    version = answer[DIVERSIFICATION_BYTES]
    state = replace(blank, isd=IsdState(MappingProxyType({version: key_set})))
    with CardFile.create(folder / f"{vector['name']}.json", state) as file:
        card = SimulatedCard(file)
        card.power_on()
        yield card


def test_the_whole_card_says_what_a_real_one_said(transcripts: list[dict[str, Any]], tmp_path: Path) -> None:
    played = [vector for vector in transcripts if is_of_a_security_domain(vector)]
    assert len(played) == 3
    for vector in played:
        with card_before(vector, tmp_path) as card:
            card.transmit(SELECT_ISD)
            answer = card.transmit(hexadecimal(vector, "initialize_update"))
            said = hexadecimal(vector, "initialize_update_response") + OK.to_bytes(2, "big")
            assert answer[DIVERSIFICATION_BYTES:] == said[DIVERSIFICATION_BYTES:]
            assert card.transmit(hexadecimal(vector, "external_authenticate")) == OK.to_bytes(2, "big")
