"""Bodies from the factory: their attestation leads to the manufacturer's authority."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509

from cardio.apdu import INS, MAX_EXTENDED_LE, CommandApdu
from cardio.globalplatform.handshake import open_secure_channel
from cardio.piv.objects import parse_certificate
from cardio.piv.session import PivSession
from cardio.piv.slots import Algorithm, Slot
from cardio.tlv import Tlv
from cardio.transport import pcsc
from issuance.production.cardsecrets import factory_secrets
from pki.keys.masterkeys import FileMasterKey
from simulators.card.card import SimulatedCard
from simulators.card.file import CardFile
from simulators.factory import make_blank
from simulators.manufacturer import AUTHORITY_FILE, AuthorityFileError, attestation_authority
from simulators.readers.inprocess import InProcessReader

ATTESTATION_CERTIFICATE = Tlv(0x5C, bytes.fromhex("5FFF01")).encode()


def attest(session: PivSession, slot: Slot) -> x509.Certificate:
    der = session.channel.send(CommandApdu(0, INS.YUBICO_ATTEST, slot, 0, le=MAX_EXTENDED_LE))
    return x509.load_der_x509_certificate(der)


def attestation_certificate(session: PivSession) -> x509.Certificate:
    command = CommandApdu(0, INS.GET_DATA, 0x3F, 0xFF, ATTESTATION_CERTIFICATE, MAX_EXTENDED_LE)
    content = Tlv.unpack(0x53, session.channel.send(command))
    return x509.load_der_x509_certificate(parse_certificate(content))


def test_keys_made_on_a_card_are_attested_up_to_the_manufacturer(tmp_path: Path) -> None:
    factory_key = FileMasterKey(os.urandom(32))
    root = attestation_authority(tmp_path).certificate
    for _ in range(2):
        path = make_blank(tmp_path, factory_key)
        with CardFile.open(path) as file, InProcessReader(f"Factory Reader {uuid4()}") as reader:
            card = SimulatedCard(file)
            reader.insert(card)
            with pcsc.connect(reader.name) as connection:
                session = PivSession(connection)
                session.authenticate_management(factory_secrets(factory_key, card.serial).management_key)
                key = session.generate_key(Slot.AUTHENTICATION, Algorithm.ECC_P256)
                leaf, middle = attest(session, Slot.AUTHENTICATION), attestation_certificate(session)
        leaf.verify_directly_issued_by(middle)
        middle.verify_directly_issued_by(root)
        root.verify_directly_issued_by(root)
        assert leaf.public_key() == key
        assert middle.subject != root.subject


@pytest.mark.parametrize(("random_challenges", "i"), [(False, 0x70), (True, 0x60)])
def test_challenges_are_as_they_were_ordered(random_challenges: bool, i: int, tmp_path: Path) -> None:
    factory_key = FileMasterKey(os.urandom(32))
    path = make_blank(tmp_path, factory_key, random_challenges=random_challenges)
    with CardFile.open(path) as file, InProcessReader(f"Factory Reader {uuid4()}") as reader:
        card = SimulatedCard(file)
        reader.insert(card)
        with pcsc.connect(reader.name) as connection:
            keys = factory_secrets(factory_key, card.serial).channel_keys
            assert open_secure_channel(PivSession(connection).channel, keys).i == i


def test_one_authority_for_all_who_ask_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: attestation_authority(tmp_path), range(16)))
    assert len({authority.certificate for authority in found}) == 1
    (file,) = tmp_path.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == (AUTHORITY_FILE, 0o600)


@pytest.mark.parametrize("content", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\n"])
def test_another_file_in_its_place_is_left_alone(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / AUTHORITY_FILE
    path.write_bytes(content)
    with pytest.raises(AuthorityFileError):
        attestation_authority(tmp_path)
    assert path.read_bytes() == content


def test_a_certificate_of_another_key_is_none(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    attestation_authority(tmp_path)
    attestation_authority(tmp_path / "other")
    mine, others = (folder / AUTHORITY_FILE for folder in (tmp_path, tmp_path / "other"))
    key, _, _ = mine.read_text().partition("-----BEGIN CERTIFICATE")
    _, begin, certificate = others.read_text().partition("-----BEGIN CERTIFICATE")
    mine.write_text(key + begin + certificate)
    with pytest.raises(AuthorityFileError):
        attestation_authority(tmp_path)
