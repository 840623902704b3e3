"""The file that is the chip: atomic, private, one process at a time, corrupt ones refused untouched."""

import fcntl
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.card import file as card_file
from simulators.card.blank import blank_state, create_blank
from simulators.card.card import SimulatedCard
from simulators.card.errors import (
    BlankError,
    CardFileCorruptError,
    CardFileExistsError,
    CardFileInUseError,
    CardFileMissingError,
)
from simulators.card.fields import FieldError
from simulators.card.file import CardFile, decode, encode
from simulators.card.globalplatform.keyset import KeySet
from simulators.card.globalplatform.state import IsdState
from simulators.card.iso7816 import SW
from simulators.card.lifecycle import LifeCycle
from simulators.card.piv.identifiers import Algorithm
from simulators.card.piv.keys import generate
from simulators.card.piv.policy import PinPolicy
from simulators.card.piv.state import PivState
from simulators.card.piv.stored import FactoryValues, PrivateKey, ReferenceData, StoredKey
from simulators.card.state import CardState
from tests.unit.simulators.card.host import MANAGEMENT_KEY, OK, PIN, PUK, SERIAL, Host, new_blank

BLOCKS = st.binary(min_size=8, max_size=8)
REFERENCES = st.integers(1, 15).flatmap(
    lambda tries: st.builds(ReferenceData, BLOCKS, st.integers(0, tries), st.just(tries))
)
AES_KEYS = st.one_of(
    st.builds(StoredKey, st.just(Algorithm.AES_128), st.binary(min_size=16, max_size=16)),
    st.builds(StoredKey, st.just(Algorithm.AES_192), st.binary(min_size=24, max_size=24)),
    st.builds(StoredKey, st.just(Algorithm.AES_256), st.binary(min_size=32, max_size=32)),
)
PRIVATE_KEYS = st.dictionaries(
    st.sampled_from([0x82, 0x95, 0x9A, 0x9C, 0x9D, 0x9E, 0xF9]),
    st.builds(
        PrivateKey,
        st.builds(
            StoredKey,
            st.sampled_from([Algorithm.ECC_P256, Algorithm.RSA_3072]),
            st.binary(min_size=1, max_size=99),
        ),
        st.sampled_from(PinPolicy),
        st.booleans(),
    ),
)
OBJECTS = st.dictionaries(
    st.sampled_from([0x5FC102, 0x5FC105, 0x5FC10D, 0x5FC123, 0x7F61, 0x5FFF01]),
    st.binary(min_size=1, max_size=99),
)
KEY_SETS = st.sampled_from([16, 24, 32]).flatmap(
    lambda length: st.builds(
        KeySet,
        *[st.binary(min_size=length, max_size=length)] * 3,
        sequence_counter=st.integers(0, 2**24 - 1),
        failures=st.integers(0, 10),
    )
)
VERSIONS = st.one_of(st.integers(1, 0x7F), st.just(0xFF))
STATES = st.builds(
    CardState,
    st.integers(1, 2**32 - 1),
    st.builds(
        PivState,
        REFERENCES,
        st.booleans(),
        REFERENCES,
        AES_KEYS,
        st.builds(FactoryValues, BLOCKS, BLOCKS, AES_KEYS),
        PRIVATE_KEYS,
        OBJECTS,
    ),
    st.builds(IsdState, st.dictionaries(VERSIONS, KEY_SETS, min_size=1, max_size=4), st.booleans()),
    st.sampled_from(LifeCycle),
)


@given(STATES)
def test_every_state_survives_its_file(state: CardState) -> None:
    assert decode(encode(state)) == state


def test_a_card_file_is_its_owner_s_only(card_path: Path) -> None:
    assert stat.S_IMODE(card_path.stat().st_mode) == 0o600
    with CardFile.open(card_path) as file:
        file.commit(replace(file.state, serial=7))
    assert stat.S_IMODE(card_path.stat().st_mode) == 0o600


def test_a_commit_is_there_after_opening_again(card_path: Path) -> None:
    with CardFile.open(card_path) as file:
        file.commit(replace(file.state, serial=7))
        file.commit(replace(file.state, serial=8))
    with CardFile.open(card_path) as file:
        assert file.state.serial == 8
    assert [path.name for path in card_path.parent.iterdir()] == [card_path.name]


def test_secrets_are_in_no_repr(card_path: Path) -> None:
    with CardFile.open(card_path) as file:
        shown = repr(file.state)
    for secret in (PIN, PUK, MANAGEMENT_KEY.hex(), repr(MANAGEMENT_KEY)):
        assert secret not in shown


class TestLock:
    def test_a_second_opening_is_refused(self, card_path: Path) -> None:
        with CardFile.open(card_path), pytest.raises(CardFileInUseError) as refusal:
            CardFile.open(card_path)
        assert refusal.value.path == card_path
        CardFile.open(card_path).close()

    def test_it_holds_across_commits(self, card_path: Path) -> None:
        with CardFile.open(card_path) as file:
            file.commit(replace(file.state, serial=7))
            with pytest.raises(CardFileInUseError):
                CardFile.open(card_path)
            file.commit(replace(file.state, serial=8))
            with pytest.raises(CardFileInUseError):
                CardFile.open(card_path)

    def test_another_process_is_refused_and_gets_the_card_afterwards(self, card_path: Path) -> None:
        program = (
            "import sys, pathlib\n"
            "from simulators.card.file import CardFile\n"
            "from simulators.card.errors import CardFileInUseError\n"
            "try:\n    print(CardFile.open(pathlib.Path(sys.argv[1])).state.serial)\n"
            "except CardFileInUseError:\n    print('in use')\n"
        )

        def other_process() -> str:
            command = [sys.executable, "-c", program, str(card_path)]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

        with CardFile.open(card_path) as file:
            assert other_process() == "in use"
            file.commit(replace(file.state, serial=7))
            assert other_process() == "in use"
        assert other_process() == "7"

    @pytest.mark.parametrize("by", [7, None], ids=["another", "nothing"])
    def test_a_file_replaced_before_it_was_locked_is_not_the_card(
        self, by: int | None, card_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        lock = fcntl.flock

        def replace_first(descriptor: int, how: int) -> None:
            monkeypatch.undo()
            card_path.unlink()
            if by is not None:
                create_blank(card_path, by, PIN, PUK, MANAGEMENT_KEY)
            lock(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", replace_first)
        if by is None:
            with pytest.raises(CardFileMissingError):
                CardFile.open(card_path)
        else:
            with CardFile.open(card_path) as file:
                assert file.state.serial == by

    def test_a_commit_follows_no_link(self, card_path: Path, tmp_path: Path) -> None:
        theirs = tmp_path / "theirs"
        theirs.write_text("theirs")
        with CardFile.open(card_path) as file:
            card_path.with_name(f".{card_path.name}.next").symlink_to(theirs)
            with pytest.raises(OSError, match="symbolic links"):
                file.commit(replace(file.state, serial=7))
            assert file.state.serial == SERIAL
        assert theirs.read_text() == "theirs"

    def test_a_closed_file_takes_no_commit(self, card_path: Path) -> None:
        file = CardFile.open(card_path)
        file.close()
        file.close()
        with pytest.raises(CardFileInUseError):
            file.commit(file.state)


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def _rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes the content and gives it a digest that fits."""
    document = _document(path)
    change(document)
    canonical = json.dumps(document["card"], sort_keys=True, indent=1)
    document["sha256"] = hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(document))


def private_key(algorithm: str = "ECC_P256", **changes: Any) -> dict[str, Any]:
    key = {"algorithm": algorithm, "value": "00"}
    return {"key": key, "pin_policy": "ONCE", "is_generated": True, **changes}


CORRUPTIONS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "not JSON": lambda path: path.write_bytes(b"card"),
    "not UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "nested too deep": lambda path: path.write_bytes(b"[" * 200_000),
    "a list": lambda path: path.write_bytes(b"[]"),
    "too long": lambda path: path.write_bytes(b" " * (card_file.MAX_FILE_LENGTH + 1)),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "a digit changed": lambda path: path.write_bytes(
        path.read_bytes().replace(b'"tries_left": 3', b'"tries_left": 2')
    ),
    "another format": lambda path: _rewrite(path, lambda d: d.update(format="x")),
    "a later version": lambda path: _rewrite(path, lambda d: d.update(version=3)),
    "version true": lambda path: _rewrite(path, lambda d: d.update(version=True)),
    "no version": lambda path: _rewrite(path, lambda d: d.pop("version")),
    "an unknown field": lambda path: _rewrite(path, lambda d: d["card"].update(colour="red")),
    "serial 0": lambda path: _rewrite(path, lambda d: d["card"].update(serial=0)),
    "serial text": lambda path: _rewrite(path, lambda d: d["card"].update(serial="1")),
    "no PIV": lambda path: _rewrite(path, lambda d: d["card"].pop("piv")),
    "PIV null": lambda path: _rewrite(path, lambda d: d["card"].update(piv=None)),
    "more tries": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["pin"].update(tries_left=4)),
    "negative tries": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["puk"].update(tries_left=-1)),
    "short PIN": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["pin"].update(value="31")),
    "PIN no hex": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["pin"].update(value="zz" * 8)),
    "transport 1": lambda path: _rewrite(path, lambda d: d["card"]["piv"].update(pin_is_transport=1)),
    "short 9B": lambda path: _rewrite(
        path, lambda d: d["card"]["piv"]["management_key"].update(value="00" * 31)
    ),
    "9B 3DES": lambda path: _rewrite(
        path, lambda d: d["card"]["piv"]["management_key"].update(algorithm="X")
    ),
    "9B elliptic": lambda path: _rewrite(
        path, lambda d: d["card"]["piv"]["management_key"].update(algorithm="ECC_P256")
    ),
    "unknown slot": lambda path: _rewrite(
        path,
        lambda d: d["card"]["piv"]["private_keys"].update({"9B": private_key()}),
    ),
    "AES in a slot": lambda path: _rewrite(
        path,
        lambda d: d["card"]["piv"]["private_keys"].update({"9A": private_key(algorithm="AES_128")}),
    ),
    "odd slot name": lambda path: _rewrite(
        path,
        lambda d: d["card"]["piv"]["private_keys"].update({"+9a": private_key()}),
    ),
    "unknown policy": lambda path: _rewrite(
        path,
        lambda d: d["card"]["piv"]["private_keys"].update({"9A": private_key(pin_policy="MATCH")}),
    ),
    "generated 1": lambda path: _rewrite(
        path,
        lambda d: d["card"]["piv"]["private_keys"].update({"9A": private_key(is_generated=1)}),
    ),
    "no life cycle": lambda path: _rewrite(path, lambda d: d["card"].pop("life_cycle")),
    "unknown life cycle": lambda path: _rewrite(path, lambda d: d["card"].update(life_cycle="NEW")),
    "life cycle a number": lambda path: _rewrite(path, lambda d: d["card"].update(life_cycle=15)),
    "no tries at all": lambda path: _rewrite(
        path, lambda d: d["card"]["piv"]["pin"].update(max_tries=0, tries_left=0)
    ),
    "too many tries": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["pin"].update(max_tries=16)),
    "no factory values": lambda path: _rewrite(path, lambda d: d["card"]["piv"].pop("factory")),
    "factory PIN short": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["factory"].update(pin="31")),
    "deep inside": lambda path: path.write_bytes(
        b'{"format": "x", "card": ' + b"[" * 900 + b"]" * 900 + b"}"
    ),
    "unknown object": lambda path: _rewrite(
        path, lambda d: d["card"]["piv"]["objects"].update({"00007E": "00"})
    ),
    "empty object": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["objects"].update({"5FC102": ""})),
    "object no name": lambda path: _rewrite(path, lambda d: d["card"]["piv"]["objects"].update({"x": "00"})),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_corrupt_files_are_refused_and_left_alone(name: str, card_path: Path) -> None:
    CORRUPTIONS[name](card_path)
    before = card_path.read_bytes()
    for _ in range(2):  # the first refusal must let the lock go
        with pytest.raises(CardFileCorruptError) as refusal:
            CardFile.open(card_path)
        assert refusal.value.path == card_path
    assert card_path.read_bytes() == before


def test_the_right_document_with_a_fitting_digest_is_accepted(card_path: Path) -> None:
    """So that each corruption above is refused for its own reason."""
    _rewrite(card_path, lambda document: document["card"].update(serial=7))
    _rewrite(card_path, lambda d: d["card"]["piv"]["private_keys"].update({"9A": private_key()}))
    with CardFile.open(card_path) as file:
        assert file.state.serial == 7


@given(st.binary(max_size=200))
def test_no_content_crashes_the_decoder(content: bytes) -> None:
    with pytest.raises(FieldError):
        decode(content)


def test_errors_never_quote_secrets(card_path: Path) -> None:
    _rewrite(
        card_path, lambda document: document["card"]["piv"]["pin"].update(value=PIN.encode().hex() + "00")
    )
    with pytest.raises(CardFileCorruptError) as refusal:
        CardFile.open(card_path)
    assert PIN.encode().hex() not in str(refusal.value)


def test_missing_folders_and_fifos_are_named(tmp_path: Path) -> None:
    with pytest.raises(CardFileMissingError, match="No such file"):
        CardFile.open(tmp_path / "absent.json")
    with pytest.raises(CardFileMissingError, match="No such file"):
        new_blank(tmp_path / "absent" / "card.json")
    with pytest.raises(CardFileCorruptError, match="not a regular file"):
        CardFile.open(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CardFileCorruptError, match="not a regular file"):
        CardFile.open(tmp_path / "fifo")


def test_an_existing_file_is_never_replaced_by_a_blank(card_path: Path) -> None:
    before = card_path.read_bytes()
    with pytest.raises(CardFileExistsError):
        new_blank(card_path)
    assert card_path.read_bytes() == before
    assert [path.name for path in card_path.parent.iterdir()] == [card_path.name]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_state(
    call: str, host: Host, card_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = card_path.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(os if call == "fsync" else Path, call, refuse)
        assert host.verify("00000000") == SW.MEMORY_FAILURE
        assert host.verify(PIN) == SW.MEMORY_FAILURE
    assert card_path.read_bytes() == before
    assert host.verify(PIN) == OK


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(lambda: b"\0", id="no key"),
        pytest.param(lambda: generate(Algorithm.ECC_P384)[0].value, id="of another curve"),
        pytest.param(lambda: generate(Algorithm.RSA_2048)[0].value, id="of another kind"),
    ],
)
def test_a_damaged_key_in_a_sound_file_is_a_memory_failure(
    value: Callable[[], bytes], card_path: Path
) -> None:
    stored = {"algorithm": "ECC_P256", "value": value().hex()}
    key = {"key": stored, "pin_policy": "NEVER", "is_generated": True}
    _rewrite(card_path, lambda document: document["card"]["piv"]["private_keys"].update({"9E": key}))
    with CardFile.open(card_path) as file:
        card = SimulatedCard(file)
        card.power_on()
        host = Host(card)
        host.change_pin(PIN, PIN)
        assert host.use_key(0x11, 0x9E, bytes(32))[1] == SW.MEMORY_FAILURE
        assert host.send(0xF7, 0, 0x9E)[1] == SW.MEMORY_FAILURE
        assert host.send(0xF9, 0x9E, 0)[1] == SW.MEMORY_FAILURE


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"serial": 0}, "serial"),
        ({"serial": 2**32}, "serial"),
        ({"pin": "12345"}, "pin"),
        ({"pin": "123456789"}, "pin"),
        ({"pin": "۱۲۳۴۵۶"}, "pin"),
        ({"pin": "12345\ud800"}, "pin"),
        ({"puk": "abcdefgh"}, "puk"),
        ({"puk": ""}, "puk"),
        ({"management_key": b""}, "management_key"),
        ({"management_key": bytes(31)}, "management_key"),
    ],
)
def test_a_blank_s_values_must_fit(change: dict[str, Any], field: str, tmp_path: Path) -> None:
    values = {"serial": SERIAL, "pin": PIN, "puk": PUK, "management_key": MANAGEMENT_KEY, **change}
    with pytest.raises(BlankError) as refusal:
        create_blank(tmp_path / "card.json", **values)
    assert refusal.value.field == field
    assert not list(tmp_path.iterdir())


def test_a_blank_s_pin_is_a_transport_pin() -> None:
    assert blank_state(SERIAL, PIN, PUK, MANAGEMENT_KEY).piv.pin_is_transport
