"""The issuer security domain: what it tells, its registry and life cycle; and cards that answer nonsense."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardio.errors import (
    ApduError,
    ApplicationNotFoundError,
    CardError,
    ObjectContentError,
    ObjectNotFoundError,
    UnexpectedAnswerError,
)
from cardio.globalplatform.carddata import CardData, Cplc
from cardio.globalplatform.errors import LifeCycleError
from cardio.globalplatform.registry import CardLifeCycle, RegistryScope
from cardio.globalplatform.scp03 import FULL_SECURITY, SecurityLevel
from cardio.globalplatform.session import IssuerSecurityDomain
from tests.unit.cardio.globalplatform.conftest import FACTORY, authenticated, blank_domain
from tests.unit.cardio.globalplatform.isd import CARD_DATA, CPLC
from tests.unit.cardio.globalplatform.model import ISD_AID, Parrot

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "vectors" / "cardio_globalplatform.json").read_text("utf-8")
)
SELECTED = ("00A4040008A00000015100000000", "6F0A8408A0000001510000009000")


# Selection


def test_selection_by_name() -> None:
    domain = blank_domain()
    assert not IssuerSecurityDomain(domain.card).locked
    assert domain.card.seen == [(bytes.fromhex("00A40400"), ISD_AID)]


def test_the_default_selection_finds_a_domain_with_another_name() -> None:
    domain = blank_domain()
    domain.selectable = False
    IssuerSecurityDomain(domain.card)
    assert domain.card.sent[1] == bytes.fromhex("00A4040000")


def test_a_locked_card_says_so() -> None:
    domain = blank_domain()
    domain.state = 0x7F
    assert IssuerSecurityDomain(domain.card).locked


@pytest.mark.parametrize("sw", ["6A82", "6D00", "6985", "6200"])
def test_a_card_without_securityblank_domain(sw: str) -> None:
    with pytest.raises(ApplicationNotFoundError):
        IssuerSecurityDomain(Parrot(bytes.fromhex(sw)))


# What the card tells


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("level", [FULL_SECURITY, SecurityLevel.C_MAC])
def test_data_with_and_without_wrapper(level: SecurityLevel, *, wrapped: bool) -> None:
    session = authenticated(blank_domain(wrapped=wrapped), level)
    assert (session.cplc().raw, session.cplc().ic_serial_number) == (CPLC, 0x0C0D0E0F)
    assert session.card_data().gp_version == (2, 3, 1)
    assert session.card_data().secure_channels == ((3, 0x70),)
    assert session.sequence_counter() == 0x000102
    assert session.key_versions() == {0xFF}
    assert [(key.identifier, key.components) for key in session.key_information()] == [
        (1, ((0x88, 16),)),
        (2, ((0x88, 16),)),
        (3, ((0x88, 16),)),
    ]


def test_extended_key_information(scripted: Callable[..., Any]) -> None:
    info = "E010" + "C00E" + "0130" + "FF880010" + "FF890018" + "01180100"
    session = IssuerSecurityDomain(scripted(SELECTED, ("80CA00E000", info + "9000")))
    (key,) = session.key_information()
    assert (key.version, key.components) == (0x30, ((0xFF88, 16), (0xFF89, 24)))


@pytest.mark.parametrize("sw", ["6A88", "6A82", "6A86"])
def test_data_that_the_card_lacks(scripted: Callable[..., Any], sw: str) -> None:
    session = IssuerSecurityDomain(scripted(SELECTED, ("80CA9F7F00", sw)))
    with pytest.raises(ObjectNotFoundError):
        session.cplc()


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        ("key_information", "E004C0"),
        ("key_information", "E003C00101"),
        ("key_information", "E005C003013088"),
        ("key_information", "E007C0050130FF8800"),
        ("key_information", "E000E000"),
        ("key_information", "C0040130881000"),
        ("key_information", "E0820C1E" + "C00401308810" * 517),
        ("key_information", "C00401308810" * 700),
        ("cplc", "9F7F29" + "00" * 41),
        ("cplc", "00" * 43),
        ("cplc", "9F7F2A" + "00" * 43),
        ("card_data", "6600"),
        ("card_data", "73026005"),
        ("card_data", CARD_DATA.hex()[:-2]),
        ("sequence_counter", "C101"),
        ("sequence_counter", "C10400000001"),
        ("sequence_counter", ""),
    ],
)
def test_data_that_break_their_specification(scripted: Callable[..., Any], read: str, answer: str) -> None:
    steps = [SELECTED]
    rest = bytes.fromhex(answer)
    for start in range(0, max(1, len(rest)), 256):
        last = start + 256 >= len(rest)
        steps.append(("*", rest[start : start + 256].hex() + ("9000" if last else "6100")))
    session = IssuerSecurityDomain(scripted(*steps))
    with pytest.raises(ObjectContentError):
        getattr(session, read)()


def test_what_real_cards_answered() -> None:
    cplc = VECTORS["cplc"]
    parsed = Cplc.parse(bytes.fromhex(cplc["answer"]))
    for name in set(cplc) - {"answer"}:
        assert getattr(parsed, name) == int(cplc[name], 16), name
    card_data = CardData.parse(bytes.fromhex(VECTORS["card_data"]["answer"]))
    assert list(card_data.gp_version) == VECTORS["card_data"]["gp_version"]
    assert [list(pair) for pair in card_data.secure_channels] == VECTORS["card_data"]["secure_channels"]


# Registry and life cycle


def test_the_registry_goes_on_while_there_is_more() -> None:
    domain = blank_domain()
    session = authenticated(domain)
    entries = session.registry(RegistryScope.APPLICATIONS)
    assert [entry.aid for entry in entries] == domain.applications
    assert {(entry.life_cycle, entry.privileges) for entry in entries} == {(7, b"\x04")}
    assert [header[3] for header, _ in domain.card.seen[1:]] == [2, 3]


def test_an_empty_registry() -> None:
    assert authenticated(blank_domain()).registry(RegistryScope.EXECUTABLE_LOAD_FILES) == ()


def test_a_registry_without_end() -> None:
    answers = (bytes.fromhex("9000"), bytes.fromhex("6310"))
    with pytest.raises(UnexpectedAnswerError, match="do not end"):
        IssuerSecurityDomain(Parrot(*answers)).registry(RegistryScope.APPLICATIONS)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("E30A4F05A0000000019F70019000", ObjectContentError),
        ("E3074F05A0000000019000", ObjectContentError),
        ("E30B4F05A0000000019F7002019000", ObjectContentError),
        ("E3049F7001079000", ObjectContentError),
        ("E3164F11" + "A0" * 17 + "9F7001079000", CardError),
        ("6982", ApduError),
    ],
)
def test_a_registry_that_breaks_its_specification(answer: str, error: type[CardError]) -> None:
    session = IssuerSecurityDomain(Parrot(b"\x90\x00", bytes.fromhex(answer)))
    with pytest.raises(error):
        session.registry(RegistryScope.APPLICATIONS)


def test_a_load_file_names_its_modules() -> None:
    modules = "8406A00000000102" + "8406A00000000103"
    entry = f"E3{11 + 16:02X}4F05A0000000019F700101" + modules
    (found,) = IssuerSecurityDomain(Parrot(b"\x90\x00", bytes.fromhex(entry + "9000"))).registry(
        RegistryScope.EXECUTABLE_LOAD_FILES
    )
    assert (found.aid.hex(), found.privileges) == ("a000000001", b"")


@pytest.mark.parametrize(
    "answer", ["9000", "E30A4F05A0000000019F7001029000", "E30A4F05A0000000019F700107" * 2 + "9000"]
)
def test_no_life_cycle_state_of_gpcs(answer: str) -> None:
    session = IssuerSecurityDomain(Parrot(b"\x90\x00", bytes.fromhex(answer)))
    with pytest.raises(CardError):
        session.card_life_cycle()


def test_the_cards_life() -> None:
    session = authenticated(blank_domain())
    assert session.card_life_cycle() == CardLifeCycle.OP_READY
    for state in list(CardLifeCycle)[1:]:
        session.set_card_life_cycle(state)
        assert session.card_life_cycle() == state
        with pytest.raises(LifeCycleError) as refused:
            session.set_card_life_cycle(CardLifeCycle.INITIALIZED)
        assert refused.value.state == 0x07


def test_the_life_cycle_asks_for_authentication() -> None:
    with pytest.raises(ApduError):
        IssuerSecurityDomain(blank_domain().card).set_card_life_cycle(CardLifeCycle.SECURED)


# Any answer at all


@given(first=st.binary(max_size=80), second=st.binary(max_size=300))
@pytest.mark.parametrize(
    "use",
    [
        IssuerSecurityDomain.cplc,
        IssuerSecurityDomain.card_data,
        IssuerSecurityDomain.key_information,
        IssuerSecurityDomain.sequence_counter,
        IssuerSecurityDomain.card_life_cycle,
        lambda session: session.authenticate(FACTORY),
        lambda session: session.set_card_life_cycle(CardLifeCycle.SECURED),
    ],
)
def test_any_answer_ends_in_a_result_or_an_error_of_this_package(
    use: Callable[[IssuerSecurityDomain], object], first: bytes, second: bytes
) -> None:
    session = IssuerSecurityDomain(Parrot(b"\x90\x00", first + b"\x90\x00", second, b"\x90\x00"))
    try:
        use(session)
    except CardError:
        return
