"""The issuer security domain: what it tells, key rotation, life cycle; and cards that answer nonsense."""

from collections.abc import Callable
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
from cardio.globalplatform.errors import (
    KeyCheckValueError,
    KeySetNotFoundError,
    LifeCycleError,
    SecureChannelClosedError,
)
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.putkey import KeyField
from cardio.globalplatform.registry import CardLifeCycle, RegistryScope
from cardio.globalplatform.scp03 import SecurityLevel
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.transport.base import CardRemovedError
from tests.unit.cardio.globalplatform.conftest import key_set
from tests.unit.cardio.globalplatform.isd import CARD_DATA, CPLC, IssuerDomain
from tests.unit.cardio.globalplatform.model import ISD_AID, Parrot

FACTORY = key_set(0xFF)
SELECTED = ("00A4040008A00000015100000000", "6F0A8408A0000001510000009000")


def _domain(**options: bool) -> IssuerDomain:
    return IssuerDomain({0xFF: FACTORY.keys}, **options)


def _authenticated(domain: IssuerDomain, level: SecurityLevel | None = None) -> IssuerSecurityDomain:
    session = IssuerSecurityDomain(domain.card)
    session.authenticate(FACTORY, *([] if level is None else [level]))
    return session


# Selection


def test_selection_by_name() -> None:
    domain = _domain()
    assert not IssuerSecurityDomain(domain.card).locked
    assert domain.card.seen == [(bytes.fromhex("00A40400"), ISD_AID)]


def test_the_default_selection_finds_a_domain_with_another_name() -> None:
    domain = _domain()
    domain.selectable = False
    IssuerSecurityDomain(domain.card)
    assert domain.card.sent[1] == bytes.fromhex("00A4040000")


def test_a_locked_card_says_so() -> None:
    domain = _domain()
    domain.state = 0x7F
    assert IssuerSecurityDomain(domain.card).locked


@pytest.mark.parametrize("sw", ["6A82", "6D00", "6985", "6200"])
def test_a_card_without_security_domain(sw: str) -> None:
    with pytest.raises(ApplicationNotFoundError):
        IssuerSecurityDomain(Parrot(bytes.fromhex(sw)))


# What the card tells


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("level", [None, SecurityLevel.C_MAC])
def test_data_with_and_without_wrapper(level: SecurityLevel | None, *, wrapped: bool) -> None:
    session = _authenticated(_domain(wrapped=wrapped), level)
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


# Registry and life cycle


def test_the_registry_goes_on_while_there_is_more() -> None:
    domain = _domain()
    session = _authenticated(domain)
    entries = session.registry(RegistryScope.APPLICATIONS)
    assert [entry.aid for entry in entries] == domain.applications
    assert {(entry.life_cycle, entry.privileges) for entry in entries} == {(7, b"\x04")}
    assert [header[3] for header, _ in domain.card.seen[1:]] == [2, 3]


def test_an_empty_registry() -> None:
    assert _authenticated(_domain()).registry(RegistryScope.EXECUTABLE_LOAD_FILES) == ()


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
    session = _authenticated(_domain())
    assert session.card_life_cycle() == CardLifeCycle.OP_READY
    for state in list(CardLifeCycle)[1:]:
        session.set_card_life_cycle(state)
        assert session.card_life_cycle() == state
        with pytest.raises(LifeCycleError) as refused:
            session.set_card_life_cycle(CardLifeCycle.INITIALIZED)
        assert refused.value.state == 0x07


def test_the_life_cycle_asks_for_authentication() -> None:
    with pytest.raises(ApduError):
        IssuerSecurityDomain(_domain().card).set_card_life_cycle(CardLifeCycle.SECURED)


# Keys


@pytest.mark.parametrize("key_bytes", [16, 24, 32])
@pytest.mark.parametrize("form", KeyField)
def test_factory_keys_are_replaced(key_bytes: int, form: KeyField) -> None:
    domain = _domain(bare=form is KeyField.BARE)
    new = key_set(0x30, key_bytes, seed=1)
    session = _authenticated(domain)
    session.put_key_set(new, replaced=0xFF, form=form)
    assert domain.card.keys == {0x30: new.keys}
    assert session.key_versions() == {0x30}  # the open session goes on
    session.authenticate(new)
    assert session.card_life_cycle() == CardLifeCycle.OP_READY
    with pytest.raises(KeySetNotFoundError):
        session.authenticate(FACTORY)


def test_the_two_key_fields() -> None:
    sent = {}
    for form in KeyField:
        domain = _domain(bare=True)
        _authenticated(domain).put_key_set(key_set(0x30, seed=1), form=form)
        header, data = domain.card.seen[-1]
        assert header == bytes.fromhex("80D80081")
        sent[form] = data
    assert sent[KeyField.WITH_KEY_LENGTH][:4] == bytes.fromhex("30881110")
    assert sent[KeyField.BARE][:3] == bytes.fromhex("308810")
    assert [len(data) for data in sent.values()] == [1 + 3 * 23, 1 + 3 * 22]
    assert key_set(0x30, seed=1).enc not in b"".join(sent.values())


def test_a_set_is_added_then_the_old_one_deleted() -> None:
    domain = _domain()
    new = key_set(0x31, 32)
    session = _authenticated(domain)
    session.put_key_set(new)
    assert session.key_versions() == {0xFF, 0x31}
    session.authenticate(new)
    session.delete_key_set(0xFF)
    assert session.key_versions() == {0x31}
    with pytest.raises(KeySetNotFoundError) as absent:
        session.delete_key_set(0xFF)
    assert absent.value.version == 0xFF


def test_nothing_is_there_to_be_replaced() -> None:
    with pytest.raises(KeySetNotFoundError) as absent:
        _authenticated(_domain()).put_key_set(key_set(0x30), replaced=0x29)
    assert absent.value.version == 0x29


def test_wrong_check_values_are_noticed() -> None:
    domain = _domain()
    domain.wrong_check_value = True
    with pytest.raises(KeyCheckValueError) as wrong:
        _authenticated(domain).put_key_set(key_set(0x30), replaced=0xFF)
    assert wrong.value.version == 0x30
    assert key_set(0x30).enc.hex() not in str(wrong.value)


@pytest.mark.parametrize("answer", [b"", b"\x30", bytes(11), bytes(200)])
def test_a_confirmation_of_another_length(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    domain = _domain()
    session = _authenticated(domain)
    monkeypatch.setattr(domain.card, "application", lambda _header, _data: (answer, 0x9000))
    with pytest.raises(UnexpectedAnswerError):
        session.put_key_set(key_set(0x30))


@pytest.mark.parametrize("version", [0x00, 0x80, 0xFF])
def test_versions_that_put_key_can_not_give(version: int) -> None:
    domain = _domain()
    session = _authenticated(domain)
    sent = len(domain.card.sent)
    with pytest.raises(ValueError, match="version"):
        session.put_key_set(key_set(version))
    assert len(domain.card.sent) == sent


def test_keys_are_touched_only_after_authentication() -> None:
    domain = _domain()
    session = IssuerSecurityDomain(domain.card)
    with pytest.raises(SecureChannelClosedError):
        session.put_key_set(key_set(0x30))
    with pytest.raises(SecureChannelClosedError):
        session.delete_key_set(0xFF)
    assert len(domain.card.sent) == 1


@pytest.mark.parametrize("committed", [True, False])
def test_after_a_lost_answer_the_recorded_keys_tell_what_happened(
    monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    domain = _domain()
    pending = key_set(0x30, seed=1)
    session = _authenticated(domain)
    transmit = domain.card.transmit

    def lose(command: bytes) -> bytes:
        if committed:
            transmit(command)
        raise CardRemovedError("Model Card", "pulled")

    with monkeypatch.context() as patch:
        patch.setattr(domain.card, "transmit", lose)
        with pytest.raises(CardRemovedError):
            session.put_key_set(pending, replaced=0xFF)
    with pytest.raises(SecureChannelClosedError):
        session.key_versions()
    domain.card.reset()
    again = IssuerSecurityDomain(domain.card)
    assert again.key_versions() == ({0x30} if committed else {0xFF})
    assert again.first_recognised([pending, FACTORY]) == (pending if committed else FACTORY)
    assert again.first_recognised([key_set(0x30, seed=9), key_set(0x2F)]) is None
    assert domain.card.failures == 0


def test_recognising_ends_the_channel() -> None:
    domain = _domain()
    session = _authenticated(domain)
    assert session.recognises(FACTORY)
    sent = len(domain.card.sent)
    with pytest.raises(SecureChannelClosedError):
        session.key_versions()
    with pytest.raises(SecureChannelClosedError):
        session.put_key_set(key_set(0x30))
    assert len(domain.card.sent) == sent


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


def test_a_key_set_of_unequal_keys() -> None:
    for keys in ((16, 16, 24), (15, 15, 15), (0, 0, 0), (64, 64, 64)):
        with pytest.raises(ValueError, match="one length"):
            KeySet(1, *(bytes(length) for length in keys))
    for version in (-1, 256):
        with pytest.raises(ValueError, match="one byte"):
            key_set(version)
