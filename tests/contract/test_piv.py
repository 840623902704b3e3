"""What a PIV card and its reader owe the terminal, whatever stands behind them."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Protocol
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from cardio.channel import EXTENDED_APDUS, SHORT_APDUS, ApduPolicy
from cardio.errors import (
    ApplicationNotFoundError,
    InvalidPinError,
    InvalidPukError,
    KeyNotFoundError,
    MalformedPinError,
    ManagementKeyError,
    ManagementKeyRequiredError,
    ObjectContentError,
    ObjectNotFoundError,
    PinBlockedError,
    PinRequiredError,
    PukBlockedError,
    TransportPinError,
    UnexpectedAnswerError,
    UnsupportedKeyError,
)
from cardio.piv.objects import Ccc, Chuid, ObjectId, PrintedInformation
from cardio.piv.session import PivSession
from cardio.piv.signer import PivSigner
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.transport import pcsc
from cardio.transport.base import CardRemovedError, NoCardError
from cardio.webeid import create_token
from simulators.card.errors import PowerCutError
from tests.contract.conftest import Bench
from tests.contract.media import PIN, PUK, TRANSPORT_PIN

WRONG_PIN, WRONG_PUK = "000000", "00000000"
MESSAGE = "هویت".encode()


class SimulatedCardLike(Protocol):
    """The part of the simulated card used here."""

    @property
    def atr(self) -> bytes: ...

    def power_on(self) -> bytes: ...

    def power_off(self) -> None: ...

    def reset(self) -> bytes: ...

    def transmit(self, command: bytes) -> bytes: ...


def _check(key: PublicKey, signature: bytes, message: bytes, algorithm: hashes.HashAlgorithm) -> None:
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, message, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, message, ec.ECDSA(algorithm))


def _certificate(key: PublicKey, common_name: str = "Contract") -> bytes:
    """A certificate for the card's key, by a key made up here."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key)
        .serial_number(4711)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2030, 1, 1, tzinfo=UTC))
        .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


# Selection and the card itself


def test_select_serial_version_and_atr(bench: Bench) -> None:
    connection = bench.connect()
    session = PivSession.open(connection)
    assert session.card_serial() == bench.serial
    assert session.version() >= (5, 7, 0)
    assert connection.atr == pcsc.reader_states()[bench.name].atr
    assert connection.name == bench.name
    assert bench.name in pcsc.list_readers()


def test_an_empty_reader_says_so(bench: Bench) -> None:
    bench.remove()
    with pytest.raises(NoCardError):
        bench.connect()
    with pytest.raises(NoCardError):
        pcsc.wait_for_card(bench.name, 0.05)


# PIN and PUK


def test_the_transport_pin_opens_nothing_but_its_own_replacement(bench: Bench) -> None:
    bench.require_transport_pin()
    session = bench.session()
    with pytest.raises(TransportPinError):
        session.verify_pin(TRANSPORT_PIN)
    assert session.pin_tries_left() == 3
    session.change_pin(TRANSPORT_PIN, PIN)
    session.verify_pin(PIN)


def test_right_and_wrong_pin(bench: Bench) -> None:
    session = bench.delivered()
    with pytest.raises(InvalidPinError) as wrong:
        session.verify_pin(WRONG_PIN)
    assert wrong.value.tries_left == 2
    assert session.pin_tries_left() == 2
    session.verify_pin(PIN)
    assert session.pin_status().verified
    assert session.pin_tries_left() == 3
    assert not session.pin_status().verified


def test_tries_are_counted_over_resets_until_the_pin_is_blocked(bench: Bench) -> None:
    session = bench.delivered()
    for left in (2, 1):
        with pytest.raises(InvalidPinError) as wrong:
            session.verify_pin(WRONG_PIN)
        assert wrong.value.tries_left == left
        session.reset()
    with pytest.raises(PinBlockedError):
        session.verify_pin(WRONG_PIN)
    assert session.pin_tries_left() == 0
    with pytest.raises(PinBlockedError):
        session.verify_pin(PIN)
    with pytest.raises(PinBlockedError):
        session.change_pin(PIN, "135790")


NO_PINS = ("", "12345", "123456789", "12345a", "۱۲۳۴۵۶", "12 456", "-12345", "１２３４５６")


def test_what_is_no_pin_costs_no_try(bench: Bench) -> None:
    session = bench.delivered()
    apdus = session.apdu_count
    for pin in NO_PINS:
        _refused_as_malformed(partial(session.verify_pin, pin))
        _refused_as_malformed(partial(session.change_pin, pin, PIN))
        _refused_as_malformed(partial(session.change_pin, PIN, pin))
        _refused_as_malformed(partial(session.unblock_pin, PUK, pin))
    assert session.apdu_count == apdus
    assert session.pin_tries_left() == 3


def _refused_as_malformed(attempt: Callable[[], None]) -> None:
    with pytest.raises(MalformedPinError):
        attempt()


def test_change_pin(bench: Bench) -> None:
    session = bench.delivered()
    with pytest.raises(InvalidPinError):
        session.change_pin(WRONG_PIN, "24681012")
    session.change_pin(PIN, "24681012")
    session.reset()
    with pytest.raises(InvalidPinError):
        session.verify_pin(PIN)
    session.verify_pin("24681012")


def test_unblock_with_the_puk(bench: Bench) -> None:
    session = bench.delivered()
    for _ in range(3):
        with pytest.raises((InvalidPinError, PinBlockedError)):
            session.verify_pin(WRONG_PIN)
    session.unblock_pin(PUK, "112233")
    assert session.pin_tries_left() == 3
    session.verify_pin("112233")


def test_wrong_puk_until_blocked(bench: Bench) -> None:
    session = bench.delivered()
    for left in (2, 1):
        with pytest.raises(InvalidPukError) as wrong:
            session.unblock_pin(WRONG_PUK, "112233")
        assert wrong.value.tries_left == left
    with pytest.raises(PukBlockedError):
        session.change_puk(WRONG_PUK, "11111111")
    with pytest.raises(PukBlockedError):
        session.unblock_pin(PUK, "112233")
    session.verify_pin(PIN)


def test_change_puk(bench: Bench) -> None:
    session = bench.delivered()
    session.change_puk(PUK, "99887766")
    with pytest.raises(InvalidPukError):
        session.unblock_pin(PUK, "112233")
    session.unblock_pin("99887766", "112233")


# Management key


def test_a_wrong_management_key_is_refused(bench: Bench) -> None:
    session = bench.session()
    with pytest.raises(ManagementKeyError):
        session.authenticate_management(os.urandom(32))
    with pytest.raises(ManagementKeyRequiredError):
        session.put_object(ObjectId.CHUID, b"x")
    session.authenticate_management(bench.management_key)


def test_a_management_key_of_another_length_is_refused(bench: Bench) -> None:
    session = bench.session()
    for length in (0, 8, 16, 24, 31, 33):
        with pytest.raises(ManagementKeyError):
            session.authenticate_management(bytes(length))


def test_replacing_the_management_key(bench: Bench) -> None:
    session = bench.issuer()
    old = bench.management_key
    for length in (16, 24, 32):
        new = os.urandom(length)
        session.set_management_key(new)
        session.reset()
        with pytest.raises(ManagementKeyError):
            session.authenticate_management(old)
        session.authenticate_management(new)
        old = new


def test_only_the_issuer_writes(bench: Bench) -> None:
    session = bench.delivered()
    session.verify_pin(PIN)
    with pytest.raises(ManagementKeyRequiredError):
        session.set_management_key(os.urandom(32))
    with pytest.raises(ManagementKeyRequiredError):
        session.put_object(ObjectId.CHUID, b"x")
    with pytest.raises(ManagementKeyRequiredError):
        session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)


# Keys and signatures


def test_generate_and_sign(bench: Bench) -> None:
    session = bench.delivered()
    session.authenticate_management(bench.management_key)
    for algorithm in (Algorithm.ECC_P256, Algorithm.ECC_P384, Algorithm.RSA_2048):
        key = session.generate_key(Slot.AUTHENTICATION, algorithm)
        session.verify_pin(PIN)
        for hash_algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
            signature = PivSigner(session, Slot.AUTHENTICATION, key).sign(MESSAGE, hash_algorithm)
            _check(key, signature, MESSAGE, hash_algorithm)
            with pytest.raises(InvalidSignature):
                _check(key, signature, MESSAGE + b"!", hash_algorithm)


def test_extended_length_signs_with_rsa(bench: Bench) -> None:
    session = PivSession(bench.connect(), EXTENDED_APDUS)
    session.authenticate_management(bench.management_key)
    key = session.generate_key(Slot.CARD_AUTHENTICATION, Algorithm.RSA_2048)
    _check(
        key,
        session.sign(Slot.CARD_AUTHENTICATION, key, MESSAGE, hashes.SHA256()),
        MESSAGE,
        hashes.SHA256(),
    )


def test_the_pin_once_for_9a_always_for_9c_never_for_9e(bench: Bench) -> None:
    session = bench.delivered()
    session.authenticate_management(bench.management_key)
    keys = {slot: session.generate_key(slot, Algorithm.ECC_P256) for slot in Slot}
    session.reset()
    session.sign(Slot.CARD_AUTHENTICATION, keys[Slot.CARD_AUTHENTICATION], MESSAGE, hashes.SHA256())
    for slot in (Slot.AUTHENTICATION, Slot.SIGNATURE):
        with pytest.raises(PinRequiredError):
            session.sign(slot, keys[slot], MESSAGE, hashes.SHA256())
    session.verify_pin(PIN)
    session.sign(Slot.SIGNATURE, keys[Slot.SIGNATURE], MESSAGE, hashes.SHA256())
    with pytest.raises(PinRequiredError):
        session.sign(Slot.SIGNATURE, keys[Slot.SIGNATURE], MESSAGE, hashes.SHA256())
    for _ in range(2):
        session.sign(Slot.AUTHENTICATION, keys[Slot.AUTHENTICATION], MESSAGE, hashes.SHA256())


def test_keys_refuse_under_the_transport_pin(bench: Bench) -> None:
    bench.require_transport_pin()
    session = bench.issuer()
    key = session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
    session.verify_pin(TRANSPORT_PIN)  # the issuer is in control
    session.sign(Slot.AUTHENTICATION, key, MESSAGE, hashes.SHA256())
    session.reset()
    with pytest.raises(TransportPinError):
        session.sign(Slot.AUTHENTICATION, key, MESSAGE, hashes.SHA256())


def test_the_wrong_key_is_named(bench: Bench) -> None:
    session = bench.delivered()
    session.authenticate_management(bench.management_key)
    session.verify_pin(PIN)
    stranger = ec.generate_private_key(ec.SECP256R1()).public_key()
    with pytest.raises(KeyNotFoundError):
        session.sign(Slot.AUTHENTICATION, stranger, MESSAGE, hashes.SHA256())
    session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
    with pytest.raises(UnexpectedAnswerError):
        session.sign(Slot.AUTHENTICATION, stranger, MESSAGE, hashes.SHA256())
    other_kind = ec.generate_private_key(ec.SECP384R1()).public_key()
    with pytest.raises(KeyNotFoundError):
        session.sign(Slot.AUTHENTICATION, other_kind, MESSAGE, hashes.SHA256())


def test_keys_and_hashes_outside_the_profile(bench: Bench) -> None:
    session = bench.issuer()
    with pytest.raises(UnsupportedKeyError):
        session.generate_key(Slot.AUTHENTICATION, Algorithm.AES_256)
    key = session.generate_key(Slot.CARD_AUTHENTICATION, Algorithm.ECC_P256)
    with pytest.raises(UnsupportedKeyError):
        session.sign(Slot.CARD_AUTHENTICATION, key, MESSAGE, hashes.SHA1())  # noqa: S303
    for unsupported in (
        ec.generate_private_key(ec.SECP521R1()).public_key(),
        rsa.generate_private_key(65_537, 4096).public_key(),
    ):
        with pytest.raises(UnsupportedKeyError):
            session.sign(Slot.CARD_AUTHENTICATION, unsupported, MESSAGE, hashes.SHA256())


# Data objects


@pytest.mark.parametrize("policy", [SHORT_APDUS, EXTENDED_APDUS], ids=["short", "extended"])
def test_objects_of_any_length(bench: Bench, policy: ApduPolicy) -> None:
    session = PivSession(bench.connect(), policy)
    for length in (1, 127, 128, 245, 246, 247, 255, 256, 2_048, 12_000):
        session.authenticate_management(bench.management_key)
        content = os.urandom(length)
        session.put_object(ObjectId.SECURITY_OBJECT, content)
        session.reset()
        assert session.get_object(ObjectId.SECURITY_OBJECT) == content


def test_absent_and_deleted_objects(bench: Bench) -> None:
    session = bench.issuer()
    with pytest.raises(ObjectNotFoundError) as absent:
        session.get_object(ObjectId.CHUID)
    assert absent.value.object_id == ObjectId.CHUID
    session.put_object(ObjectId.CHUID, b"x")
    session.put_object(ObjectId.CHUID, b"")
    with pytest.raises(ObjectNotFoundError):
        session.get_object(ObjectId.CHUID)
    with pytest.raises(ObjectNotFoundError):
        session.read_certificate(Slot.AUTHENTICATION)


def test_objects_behind_the_pin(bench: Bench) -> None:
    session = bench.delivered()
    session.authenticate_management(bench.management_key)
    printed = PrintedInformation("SARA AHMADI", "CITIZEN", date(2036, 2, 29), "1000000001", "IR")
    session.put_object(ObjectId.PRINTED_INFORMATION, printed.encode())
    with pytest.raises(PinRequiredError):
        session.read_printed_information()
    session.verify_pin(PIN)
    assert session.read_printed_information() == printed


def test_identifiers_and_certificates(bench: Bench) -> None:
    session = bench.issuer()
    chuid = Chuid(UUID(int=0x1234_5678_9ABC_DEF0_1122_3344_5566_7788), date(2036, 11, 24))
    ccc = Ccc(bytes(range(21)))
    session.put_object(ObjectId.CHUID, chuid.encode())
    session.put_object(ObjectId.CARD_CAPABILITY_CONTAINER, ccc.encode())
    key = session.generate_key(Slot.SIGNATURE, Algorithm.ECC_P384)
    der = _certificate(key)
    session.put_certificate(Slot.SIGNATURE, der)
    session.reset()
    assert session.read_chuid() == chuid
    assert session.read_ccc() == ccc
    assert session.read_certificate(Slot.SIGNATURE) == der
    assert session.public_key(Slot.SIGNATURE) == key


def test_a_certificate_object_with_something_else_in_it(bench: Bench) -> None:
    session = bench.issuer()
    session.put_object(ObjectId.AUTHENTICATION_CERTIFICATE, b"\x01\x02")
    with pytest.raises(ObjectContentError):
        session.read_certificate(Slot.AUTHENTICATION)
    session.put_certificate(Slot.AUTHENTICATION, b"no certificate")
    with pytest.raises(UnexpectedAnswerError):
        session.public_key(Slot.AUTHENTICATION)


def test_a_web_eid_token_costs_no_try_without_certificate(bench: Bench) -> None:
    session = bench.delivered()
    with pytest.raises(ObjectNotFoundError):
        create_token(session, WRONG_PIN, "https://example.ir", "x" * 44)
    assert session.pin_tries_left() == 3


# The reader


def test_a_pulled_card(bench: Bench) -> None:
    session = bench.session()
    bench.remove()
    with pytest.raises(CardRemovedError):
        session.card_serial()
    with pytest.raises(CardRemovedError):
        session.pin_tries_left()


class DyingCard:
    """A card that loses power while it works on the first command of one instruction."""

    def __init__(self, inner: SimulatedCardLike, ins: int) -> None:
        self._inner = inner
        self._ins = ins
        self.atr = inner.atr
        self.power_on = inner.power_on
        self.power_off = inner.power_off
        self.reset = inner.reset

    def transmit(self, command: bytes) -> bytes:
        answer = self._inner.transmit(command)
        if command[1:2] == bytes((self._ins,)):
            raise PowerCutError(0)
        return answer


def test_a_card_pulled_in_the_middle_of_a_command(bench: Bench) -> None:
    bench.put_in(DyingCard(bench.card, 0x24))
    session = bench.session()
    with pytest.raises(CardRemovedError):
        session.change_pin(TRANSPORT_PIN, PIN)
    bench.put_in(bench.card)
    bench.session().verify_pin(PIN)  # it had been carried out: nobody can know but the card


def test_a_reset_by_another_program(bench: Bench) -> None:
    session = bench.delivered()
    session.verify_pin(PIN)
    other = bench.connect()
    other.reset()
    with pytest.raises(CardRemovedError):
        session.pin_status()
    session.reset()
    assert not session.pin_status().verified
    session.verify_pin(PIN)


def test_closing_leaves_the_card_reset(bench: Bench) -> None:
    connection = bench.connect()
    session = PivSession(connection)
    session.change_pin(TRANSPORT_PIN, PIN)
    assert session.pin_status().verified
    connection.close()
    connection.close()
    assert not bench.session().pin_status().verified
    with pytest.raises(CardRemovedError):
        session.pin_status()


def test_a_transaction_keeps_others_waiting(bench: Bench) -> None:
    mine, other = bench.connect(), bench.connect()
    order: list[str] = []
    begun = threading.Event()

    def intrude() -> None:
        begun.set()
        PivSession(other).card_serial()
        order.append("other")

    thread = threading.Thread(target=intrude)
    with mine.transaction():
        thread.start()
        begun.wait()
        session = PivSession(mine)
        for _ in range(50):
            session.card_serial()
        order.append("mine")
    thread.join()
    assert order == ["mine", "other"]


def test_another_application_is_not_piv(bench: Bench) -> None:
    class Renamed(DyingCard):
        def transmit(self, command: bytes) -> bytes:
            return bytes.fromhex("6A82") if command[1:2] == b"\xa4" else self._inner.transmit(command)

    bench.put_in(Renamed(bench.card, 0))
    with pytest.raises(ApplicationNotFoundError):
        bench.session()


def test_a_card_pulled_in_a_transaction(bench: Bench) -> None:
    connection = bench.connect()
    session = PivSession(connection)
    with connection.transaction():
        bench.remove()
        with pytest.raises(CardRemovedError):
            session.card_serial()
    with pytest.raises((CardRemovedError, NoCardError)):
        connection.reset()
    with pytest.raises(CardRemovedError), connection.transaction():
        pytest.fail("the work began")


def test_another_programs_reset_before_a_transaction(bench: Bench) -> None:
    mine, other = bench.connect(), bench.connect()
    other.reset()
    with pytest.raises(CardRemovedError), mine.transaction():
        pytest.fail("the work began")
    mine.reset()
    with mine.transaction():
        PivSession(mine)
