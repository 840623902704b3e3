"""Published numbers first: CMAC, the KDF, check values, and twelve SCP03 transcripts, nine of real cards."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from cardio.apdu import CommandApdu, ResponseApdu
from cardio.globalplatform.handshake import InitializeUpdateAnswer
from cardio.globalplatform.keys import KeySet, check_value
from cardio.globalplatform.messages import SecureMessages
from cardio.globalplatform.scp03 import (
    KeyedCmac,
    SecurityLevel,
    SessionKeys,
    card_cryptogram,
    counter_mode,
    host_cryptogram,
)

REPOSITORY = Path(__file__).parents[4]
VECTORS: dict[str, Any] = json.loads((REPOSITORY / "tests/vectors/cardio_scp03.json").read_text("utf-8"))
_FILE = Path(os.environ.get("HOVIAT_TEST_DATA", REPOSITORY.parent / "shared" / "data"), "scp03.json")
TRANSCRIPTS: list[dict[str, Any]] = json.loads(_FILE.read_text("utf-8"))["vectors"] if _FILE.exists() else []

needs_transcripts = pytest.mark.skipif(
    not TRANSCRIPTS, reason=f"no public transcripts at {_FILE}; set HOVIAT_TEST_DATA"
)
each_transcript = pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda item: item["name"])


def _id(vector: dict[str, str]) -> str:
    return vector["id"]


@pytest.mark.parametrize("vector", VECTORS["cmac"], ids=_id)
def test_cmac(vector: dict[str, str]) -> None:
    key, message = bytes.fromhex(vector["key"]), bytes.fromhex(vector["message"])
    assert KeyedCmac(key).of(message).hex() == vector["mac"]


@pytest.mark.parametrize("vector", VECTORS["check_values"], ids=_id)
def test_check_values(vector: dict[str, str]) -> None:
    assert check_value(bytes.fromhex(vector["key"])).hex() == vector["check_value"]


@pytest.mark.parametrize("vector", VECTORS["counter_mode"], ids=_id)
def test_counter_mode(vector: dict[str, str]) -> None:
    key, before, after = (bytes.fromhex(vector[name]) for name in ("key", "before", "after"))
    assert counter_mode(KeyedCmac(key), before, after, 16).hex() == vector["derived"]


def _nist_cases() -> Iterator[dict[str, str]]:
    """CAVP's cases with a counter of one byte in the middle of the input, as SCP03 has it."""
    wanted = ["[CTRLOCATION=MIDDLE_FIXED]", "[RLEN=8_BITS]"]
    section: list[str] = []
    case: dict[str, str] = {}
    path = Path(cryptography_vectors.__file__).parent / "KDF" / "nist-800-108-KBKDF-CTR.txt"
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("["):
            section = [line] if line.startswith("[PRF=") else [*section, line]
        elif "=" in line:
            name, value = (part.strip() for part in line.split("=", 1))
            case[name] = value
            if name == "KO" and section[0].startswith("[PRF=CMAC_AES") and section[1:] == wanted:
                yield dict(case)


def test_counter_mode_gives_nists_derived_keys() -> None:
    cases = list(_nist_cases())
    assert len(cases) == 120  # three key lengths, 40 each
    for case in cases:
        names = ("KI", "DataBeforeCtrData", "DataAfterCtrData", "KO")
        key, before, after, output = (bytes.fromhex(case[name]) for name in names)
        assert counter_mode(KeyedCmac(key), before, after, len(output)) == output


class _Replay:
    """A transcript's numbers as bytes, and what both sides derive from them."""

    def __init__(self, transcript: dict[str, Any]) -> None:
        self.keys = KeySet(0, *(bytes.fromhex(transcript[f"key_{name}"]) for name in ("enc", "mac", "dek")))
        self.answer = InitializeUpdateAnswer.parse(bytes.fromhex(transcript["initialize_update_response"]))
        self.host_challenge = CommandApdu.decode(bytes.fromhex(transcript["initialize_update"])).data
        self.session = SessionKeys.derive(self.keys, self.host_challenge, self.answer.card_challenge)
        self.level = SecurityLevel(int(transcript["security_level"], 16))
        self.messages = SecureMessages(self.session, self.level)
        proof = host_cryptogram(self.session, self.host_challenge, self.answer.card_challenge)
        self.external_authenticate = self.messages.external_authenticate(proof)


@needs_transcripts
def test_there_are_twelve_transcripts() -> None:
    assert len(TRANSCRIPTS) == 12


@needs_transcripts
@each_transcript
def test_cryptograms(transcript: dict[str, Any]) -> None:
    replay = _Replay(transcript)
    expected = card_cryptogram(replay.session, replay.host_challenge, replay.answer.card_challenge)
    assert replay.answer.card_cryptogram == expected
    assert replay.external_authenticate.encode().hex() == transcript["external_authenticate"]
    for name in ("enc", "mac", "rmac"):
        assert transcript.get(f"session_{name}", getattr(replay.session, name).hex()) == (
            getattr(replay.session, name).hex()
        )


@needs_transcripts
@each_transcript
def test_messages(transcript: dict[str, Any]) -> None:
    replay = _Replay(transcript)
    for step in transcript.get("commands", []):
        wrapped = replay.messages.wrap(CommandApdu.decode(bytes.fromhex(step["plain"])))
        assert wrapped.encode().hex() == step["wrapped"]
        if "response_wrapped" in step:
            answer = replay.messages.unwrap(ResponseApdu(bytes.fromhex(step["response_wrapped"]), 0x9000))
            assert answer.data.hex() == step["response_plain"]
