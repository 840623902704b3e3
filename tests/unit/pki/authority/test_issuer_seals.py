"""Who writes to the database alone plants no CA, and gives none another name."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from pki.authority import CertificateRequest
from pki.authority.issuerseal import IssuerSeal
from pki.bootstrap import MASTER_KEY_NAMES, open_engine, open_key_store, open_pki, opened_foundry
from pki.ceremony.plan import planned
from pki.errors import IssuerAlteredError, PkiError, UnknownCrlError
from pki.export import write_public_files
from pki.health import HealthChecks
from pki.hierarchy import Role
from pki.home import Home
from pki.keys.store import KeyStore
from pki.profiles.profile import Profile
from pki.published import published_certificates
from pki.store.models import Issuer, KeyRow
from tests.softhsm import SoftHsm

SEAL = IssuerSeal(bytes(range(32)))
CITIZEN = "citizen-auth-g1"
PLANTED = (("root-g9", "root"), ("csca-g9", "csca"), ("citizen-auth-g9", "citizen-auth"))


def row(**values: Any) -> Issuer:
    told = {
        "name": "root-g1",
        "role": "root",
        "generation": 1,
        "subject": b"subject",
        "key": "root-g1",
        "online": True,
        "retired": False,
        "certificate": b"certificate",
        "shards": 1,
        "status_version": 7,
        "seal": None,
    }
    return Issuer(**{**told, **values})


OTHERWISE: dict[str, Any] = {
    "name": "root-g2",
    "role": "csca",
    "generation": 2,
    "subject": b"other",
    "key": "root-g2",
    "online": False,
    "retired": True,
    "certificate": b"other",
    "shards": 2,
}


def test_the_seal_holds_whatever_the_status_version() -> None:
    SEAL.verify(row(seal=SEAL.seal(row()), status_version=8))


@pytest.mark.parametrize(("name", "value"), [*OTHERWISE.items(), ("certificate", None)])
def test_nothing_of_it_is_changed(name: str, value: Any) -> None:
    with pytest.raises(IssuerAlteredError):
        SEAL.verify(row(**{name: value}, seal=SEAL.seal(row())))


def test_every_column_is_sealed_or_said_not_to_be() -> None:
    columns = {column.name for column in Issuer.__table__.columns}
    assert columns - set(OTHERWISE) == {"status_version", "seal"}


@pytest.mark.parametrize("seal", [None, b"", bytes(32), SEAL.seal(row())[:-1], SEAL.seal(row()) + b"\0"])
def test_a_seal_that_is_none(seal: bytes | None) -> None:
    with pytest.raises(IssuerAlteredError) as caught:
        SEAL.verify(row(seal=seal))
    assert caught.value.name == "root-g1"


@pytest.mark.parametrize(
    ("name", "value"), [("generation", "x"), ("generation", 1 << 40), ("shards", -1), ("subject", "text")]
)
def test_values_of_another_kind(name: str, value: Any) -> None:
    with pytest.raises(IssuerAlteredError):
        SEAL.verify(row(**{name: value}, seal=SEAL.seal(row())))


def test_parts_that_flow_into_one_another() -> None:
    assert SEAL.seal(row(name="ab", role="c")) != SEAL.seal(row(name="a", role="bc"))


def test_another_key_and_no_key_of_another_length() -> None:
    with pytest.raises(IssuerAlteredError):
        IssuerSeal(bytes(32)).verify(row(seal=SEAL.seal(row())))
    with pytest.raises(ValueError, match="32"):
        IssuerSeal(b"short")
    assert "00" not in repr(IssuerSeal(bytes(32)))


def certificate(name: x509.Name, issuer: x509.Name, key: Any, by: ec.EllipticCurvePrivateKey) -> bytes:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(by, hashes.SHA384()).public_bytes(Encoding.DER)


def planted() -> dict[str, bytes]:
    """A root, a CSCA and a CA below that root, none of them ours; DER."""
    names = {
        name: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Planted {role}")])
        for name, role in PLANTED
    }
    keys = {name: ec.generate_private_key(ec.SECP384R1()) for name in names}
    above = {"citizen-auth-g9": "root-g9"}
    return {
        name: certificate(
            names[name], names[above.get(name, name)], keys[name].public_key(), keys[above.get(name, name)]
        )
        for name in names
    }


def plant(home: Home, seal: bytes | None = None) -> dict[str, bytes]:
    made = planted()
    engine = open_engine(home)
    with Session(engine) as session, session.begin():
        for name, role in PLANTED:
            session.add(KeyRow(name=name, uri=f"offline:{name}", created=datetime.now(UTC)))
            session.flush()
            subject = x509.load_der_x509_certificate(made[name]).subject.public_bytes()
            session.add(
                row(
                    name=name,
                    role=role,
                    generation=9,
                    subject=subject,
                    key=name,
                    online=False,
                    certificate=made[name],
                    status_version=0,
                    seal=seal,
                )
            )
    engine.dispose()
    return made


def change(home: Home, name: str, **values: Any) -> None:
    engine = open_engine(home)
    with Session(engine) as session, session.begin():
        session.execute(update(Issuer).where(Issuer.name == name).values(**values))
    engine.dispose()


@pytest.mark.parametrize("seal", [None, bytes(32)], ids=["unsealed", "sealed by nobody"])
def test_planted_cas_are_neither_trusted_nor_published(
    home: Home, clock: Any, tmp_path: Path, citizen_request: Callable[..., CertificateRequest], seal: Any
) -> None:
    made = plant(home, seal)
    pki = open_pki(home, clock)
    try:
        assert set(pki.issuers.refused) == set(made)
        assert HealthChecks(pki).degraded() == ["issuers"]
        trusted = {item.public_bytes(Encoding.DER) for item in (*pki.trust.anchors, *pki.trust.intermediates)}
        assert trusted
        assert trusted.isdisjoint(made.values())
        assert set(made.values()).isdisjoint(pki.published.values())
        listed = pki.documents.publish_master_list()
        assert not any(der in listed for der in made.values())
        write_public_files(pki, tmp_path / "export")
        assert not any("g9" in path.name for path in (tmp_path / "export").iterdir())
        with pytest.raises(UnknownCrlError):
            pki.crls.current("root-g9")
        with pytest.raises(IssuerAlteredError) as caught:
            pki.issuers["root-g9"]
        assert caught.value.name == "root-g9"
        issued = pki.authority.issue(citizen_request("r"))  # the others go on
        parsed = x509.load_der_x509_certificate(issued.der)
        parsed.verify_directly_issued_by(x509.load_der_x509_certificate(pki.certificates[CITIZEN]))
    finally:
        pki.close()


def test_a_seal_taken_from_another_row(home: Home, clock: Any) -> None:
    engine = open_engine(home)
    with Session(engine) as session:
        seal = session.get_one(Issuer, "root-g1").seal
    engine.dispose()
    made = plant(home, seal)
    pki = open_pki(home, clock)
    assert set(pki.issuers.refused) == set(made)
    pki.close()


def test_a_ca_of_another_name_signs_nothing(
    home: Home, clock: Any, citizen_request: Callable[..., CertificateRequest]
) -> None:
    """The same key, a name that the attacker chose, signed by nobody that counts."""
    pki = open_pki(home, clock)
    old = x509.load_der_x509_certificate(pki.certificates[CITIZEN])
    pki.close()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Another CA")])
    forged = certificate(name, old.issuer, old.public_key(), ec.generate_private_key(ec.SECP384R1()))
    change(home, CITIZEN, certificate=forged, subject=name.public_bytes())
    pki = open_pki(home, clock)
    try:
        with pytest.raises(IssuerAlteredError, match=CITIZEN):
            pki.authority.issue(citizen_request("r"))
        with pytest.raises(UnknownCrlError):
            pki.crls.publish(CITIZEN, "tester")
        assert CITIZEN not in pki.published
        assert CITIZEN not in pki.ocsp.maker.sources
        assert pki.crls.current("service-g1").number  # the others go on
    finally:
        pki.close()


def test_rows_of_another_form_and_what_no_root_signed(home: Home, clock: Any) -> None:
    """Sealed rightly, as by a fault of ours: the certificates are looked at all the same."""
    foreign = planted()["citizen-auth-g9"]
    subject = x509.load_der_x509_certificate(foreign).subject.public_bytes()
    engine, keys = open_engine(home), open_key_store(home)
    seal = IssuerSeal.of(keys.open_master_keys(MASTER_KEY_NAMES))
    with Session(engine) as session, session.begin():
        changes: dict[str, dict[str, Any]] = {
            "card-g1": {"generation": 3},
            "operator-g1": {"certificate": b"\x30\x00"},
            "citizen-sign-g1": {"subject": b"\x30\x00"},
            CITIZEN: {"certificate": foreign, "subject": subject},
        }
        for name, values in changes.items():
            changed = session.get_one(Issuer, name)
            for column, value in values.items():
                setattr(changed, column, value)
            changed.seal = seal.seal(changed)
    engine.dispose()
    keys.close()
    pki = open_pki(home, clock)
    assert set(pki.issuers.refused) == {"card-g1", "operator-g1", "citizen-sign-g1", CITIZEN}
    pki.close()


@pytest.mark.parametrize("column", ["certificate", "subject", "shards", "generation", "key"])
def test_values_of_another_type_in_the_table(home: Home, clock: Any, column: str) -> None:
    """SQLite keeps what it is given."""
    with sqlite3.connect(home.root / "pki.sqlite3") as connection:
        connection.execute(f"UPDATE issuers SET {column} = 'text' WHERE name = 'card-g1'")  # noqa: S608 - ours
    pki = open_pki(home, clock)
    assert set(pki.issuers.refused) == {"card-g1"}
    pki.close()


def test_a_home_of_an_unreleased_version_is_refused_and_says_so(home: Home, clock: Any) -> None:
    engine = open_engine(home)
    with Session(engine) as session, session.begin():
        session.execute(update(Issuer).values(seal=None))
    engine.dispose()
    with pytest.raises(IssuerAlteredError, match="unreleased"):
        open_pki(home, clock)


def test_a_founding_takes_up_no_row_that_was_planted(home: Home, clock: Any) -> None:
    with opened_foundry(home, clock, "tester") as foundry:
        item = planned(Role.CARD, 2)
        with Session(foundry.engine) as session, session.begin():
            session.add(KeyRow(name=item.name, uri="file:citizen-auth-g1.pem", created=clock()))
            session.flush()
            session.add(
                row(
                    name=item.name,
                    role="card",
                    generation=2,
                    subject=b"\x30\x00",
                    key=item.name,
                    certificate=None,
                    status_version=0,
                )
            )
        with pytest.raises(IssuerAlteredError):
            foundry.found([item])
        assert not foundry.keys.exists(item.name)


def test_a_planted_certificate_of_a_ceremony(home: Home, clock: Any) -> None:
    """The answer to a CA's request, put into the tables before the CA is certified."""
    item, other = planned(Role.CARD, 2), planted()["citizen-auth-g9"]
    with opened_foundry(home, clock, "tester") as foundry:
        foundry.register(item)
        foundry.certify(item)
        with Session(foundry.engine) as session, session.begin():
            changed = session.get_one(Issuer, item.name)
            changed.certificate = None
            changed.seal = foundry._issuer_seal.seal(changed)
            session.execute(
                text(
                    "UPDATE certificate_bodies SET der = :der WHERE serial ="
                    " (SELECT serial FROM certificates WHERE request_id = :name)"
                ),
                {"der": other, "name": item.request_id},
            )
        with pytest.raises(PkiError):
            foundry.certify(item)
        assert item.name not in foundry.issuers()


def test_a_planted_link_is_not_published(home: Home, clock: Any) -> None:
    with opened_foundry(home, clock, "tester") as foundry:
        item = planned(Role.ROOT, 2)
        foundry.found([item])
        foundry.cross_certify(item, "root-g1", Profile.CROSS_CA)
        assert "root-g2-by-root-g1" in published_certificates(foundry.engine, foundry.issuers())
        with Session(foundry.engine) as session, session.begin():
            session.execute(
                text(
                    "UPDATE certificate_bodies SET der = :der WHERE serial ="
                    " (SELECT serial FROM certificates WHERE request_id = 'cross-root-g2-root-g1')"
                ),
                {"der": planted()["root-g9"]},
            )
        assert "root-g2-by-root-g1" not in published_certificates(foundry.engine, foundry.issuers())


def test_a_token_derives_a_seal_of_its_own(tmp_path: Path, softhsm: SoftHsm) -> None:
    keys = KeyStore.from_settings(tmp_path, softhsm.location, bytes, softhsm.pin)
    try:
        made = IssuerSeal.of(keys.create_master_keys(MASTER_KEY_NAMES))
        made.verify(row(seal=IssuerSeal.of(keys.open_master_keys(MASTER_KEY_NAMES)).seal(row())))
        with pytest.raises(IssuerAlteredError):
            SEAL.verify(row(seal=made.seal(row())))
    finally:
        keys.close()
