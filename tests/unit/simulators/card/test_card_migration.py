"""Card files of version 1 are migrated on opening, later ones refused in clear words."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.card.card import SimulatedCard
from simulators.card.errors import CardFileCorruptError
from simulators.card.fields import FieldError
from simulators.card.file import VERSION, CardFile, decode
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle
from simulators.card.migration import from_version_1
from simulators.card.piv import keys
from simulators.card.piv.identifiers import Algorithm
from simulators.card.piv.policy import PinPolicy
from tests.unit.simulators.card.host import MANAGEMENT_KEY, OK, PIN, PUK, SERIAL, Host, pad


def version_1(path: Path, *, is_transport: bool, **changes: Any) -> Path:
    """A file as version 1 wrote it: keys in 9A, 9C and 9E."""
    private_keys = {}
    for slot in ("9A", "9C", "9E"):
        stored, _ = keys.generate(Algorithm.ECC_P256)
        private_keys[slot] = {"algorithm": "ECC_P256", "value": stored.value.hex()}
    piv = {
        "pin": {"value": pad(PIN).hex(), "tries_left": 2},
        "pin_is_transport": is_transport,
        "puk": {"value": pad(PUK).hex(), "tries_left": 3},
        "management_key": {"algorithm": "AES_256", "value": MANAGEMENT_KEY.hex()},
        "private_keys": private_keys,
        "objects": {"5FC102": "3000"},
        **changes,
    }
    write(path, {"serial": SERIAL, "piv": piv}, 1)
    return path


def write(path: Path, card: Any, version: int) -> None:
    digest = hashlib.sha256(json.dumps(card, sort_keys=True, indent=1).encode()).hexdigest()
    document = {"format": "hoviat simulated card", "version": version, "sha256": digest, "card": card}
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("is_transport", "life_cycle"), [(True, LifeCycle.INITIALIZED), (False, LifeCycle.SECURED)]
)
def test_version_1_is_migrated(is_transport: bool, life_cycle: LifeCycle, tmp_path: Path) -> None:
    path = version_1(tmp_path / "card.json", is_transport=is_transport)
    with CardFile.open(path) as file:
        state = file.state
    assert (state.serial, state.life_cycle) == (SERIAL, life_cycle)
    assert (state.piv.pin.tries_left, state.piv.pin.max_tries) == (2, 3)
    assert {slot: key.pin_policy for slot, key in state.piv.private_keys.items()} == {
        0x9A: PinPolicy.ONCE,
        0x9C: PinPolicy.ALWAYS,
        0x9E: PinPolicy.NEVER,
    }
    assert state.piv.objects == {0x5FC102: bytes.fromhex("3000")}
    assert state.piv.factory.pin == pad(PIN)


def test_opening_writes_nothing_and_the_next_commit_the_present_form(tmp_path: Path) -> None:
    path = version_1(tmp_path / "card.json", is_transport=False)
    before = path.read_bytes()
    with CardFile.open(path) as file:
        assert path.read_bytes() == before
        card = SimulatedCard(file)
        card.power_on()
        host = Host(card)
        assert host.verify(PIN) == OK
        assert host.use_key(0x11, 0x9C, bytes(32))[1] == OK
        state = file.state
    assert json.loads(path.read_bytes())["version"] == VERSION
    with CardFile.open(path) as file:
        assert file.state == state


def test_a_card_of_version_1_has_nothing_to_attest_with(tmp_path: Path) -> None:
    with CardFile.open(version_1(tmp_path / "card.json", is_transport=False)) as file:
        card = SimulatedCard(file)
        card.power_on()
        assert Host(card).sw("00F99A0000") == SW.REFERENCE_DATA_NOT_FOUND


@pytest.mark.parametrize("version", [VERSION + 1, 99])
def test_a_newer_version_is_refused_in_clear_words(version: int, card_path: Path) -> None:
    document = json.loads(card_path.read_bytes())
    write(card_path, document["card"] | {"something": "new"}, version)
    before = card_path.read_bytes()
    with pytest.raises(CardFileCorruptError, match=f"{version} is newer than this program"):
        CardFile.open(card_path)
    assert card_path.read_bytes() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"pin": None},
        {"pin": []},
        {"pin": {"value": "31", "tries_left": 3}},
        {"puk": {"tries_left": 3}},
        {"pin_is_transport": "no"},
        {"management_key": None},
        {"private_keys": []},
        {"private_keys": {"9A": None}},
        {"private_keys": {"zz": {"algorithm": "ECC_P256", "value": "00"}}},
        {"objects": None},
        {"colour": "red"},
    ],
)
def test_a_damaged_version_1_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path = version_1(tmp_path / "card.json", is_transport=False, **changes)
    with pytest.raises(CardFileCorruptError):
        CardFile.open(path)


@pytest.mark.parametrize("version", [0, -1, 1.5, "1", None, True, 10_000])
def test_impossible_versions_are_refused(version: Any, card_path: Path) -> None:
    write(card_path, json.loads(card_path.read_bytes())["card"], version)
    with pytest.raises(CardFileCorruptError, match="version"):
        CardFile.open(card_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["serial", "piv", "pin", "puk", "private_keys", "pin_is_transport", "9A", "value"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_content_crashes_the_migration(card: Any) -> None:
    from_version_1(card)
    digest = hashlib.sha256(json.dumps(card, sort_keys=True, indent=1).encode()).hexdigest()
    document = {"format": "hoviat simulated card", "version": 1, "sha256": digest, "card": card}
    with pytest.raises(FieldError):
        decode(json.dumps(document).encode())
