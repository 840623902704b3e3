"""Encrypted columns: what the database file holds, and what comes back."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, text, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pki.keys.masterkeys import FileMasterKey
from pki.store.database import create_database_engine, new_metadata, read_only
from pki.store.encrypted import (
    ColumnCipher,
    DisguisedText,
    EncryptedBytes,
    EncryptedColumnError,
    EncryptedDate,
    EncryptedText,
    IndexedText,
    NoCipherError,
    disguised_length,
    use_cipher,
)

CIPHER = ColumnCipher(FileMasterKey(bytes(range(32))))
OTHER = ColumnCipher(FileMasterKey(bytes(32)))
NAME, CODE = "سارا\u200cی", "0012345679"


class Base(DeclarativeBase):
    metadata = new_metadata()


class Person(Base):
    __tablename__ = "persons"

    code: Mapped[str] = mapped_column(DisguisedText("code", 10), primary_key=True)
    name: Mapped[str | None] = mapped_column(EncryptedText("persons.name"))
    born: Mapped[date | None] = mapped_column(EncryptedDate("persons.born"))
    portrait: Mapped[bytes | None] = mapped_column(EncryptedBytes("persons.portrait"))
    sound: Mapped[str | None] = mapped_column(IndexedText("sound"), index=True)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = create_database_engine(f"sqlite:///{tmp_path}/a.db")
    use_cipher(made, CIPHER)
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def _add(engine: Engine, code: str = CODE) -> None:
    person = Person(code=code, name=NAME, born=date(1990, 3, 21), portrait=b"\xff\xd8" * 50, sound="SR")
    with Session(engine) as session, session.begin():
        session.add(person)


def test_what_was_written_comes_back_and_is_found(engine: Engine) -> None:
    _add(engine)
    with Session(read_only(engine)) as session:
        found = session.get(Person, CODE)
        assert found is not None
        assert (found.code, found.name, found.born) == (CODE, NAME, date(1990, 3, 21))
        assert found.portrait == b"\xff\xd8" * 50
        assert session.scalar(select(Person.code).where(Person.sound == "SR")) == CODE
        assert session.scalar(select(Person.code).where(Person.sound == "SS")) is None
        assert session.scalar(select(Person.code).where(Person.code.in_([CODE, "0"]))) == CODE


def test_nothing_stays_nothing(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        session.add(Person(code=CODE))
    with Session(engine) as session:
        found = session.get_one(Person, CODE)
        assert (found.name, found.born, found.portrait, found.sound) == (None,) * 4


def test_the_database_file_tells_nothing(engine: Engine, tmp_path: Path) -> None:
    _add(engine)
    engine.dispose()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (NAME.encode(), CODE.encode(), b"1990-03-21", b"\xff\xd8\xff\xd8", b"SR"):
        assert secret not in written.replace(b"sqlite", b"")


def test_equal_values_look_equal_only_where_they_are_to_be_found(engine: Engine) -> None:
    _add(engine)
    _add(engine, "0012345686")
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT code, name, born, portrait, sound FROM persons")).all()
    assert [len(set(column)) for column in zip(*rows, strict=True)] == [2, 2, 2, 2, 1]


def test_another_installations_values_are_refused(engine: Engine) -> None:
    _add(engine)
    use_cipher(engine, OTHER)
    with Session(engine) as session, pytest.raises(EncryptedColumnError):
        session.scalars(select(Person.name)).all()
    with Session(engine) as session:
        assert session.get(Person, CODE) is None


def test_a_value_that_was_moved_to_another_column_is_refused(engine: Engine) -> None:
    _add(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE persons SET name = portrait"))
    with Session(engine) as session, pytest.raises(EncryptedColumnError) as caught:
        session.scalars(select(Person.name)).all()
    assert caught.value.column == "persons.name"


@pytest.mark.parametrize("damage", [b"", b"\x01", bytes(40), b"\x02" + bytes(60), bytes(12)])
def test_damage_is_refused_whatever_it_is(engine: Engine, damage: bytes) -> None:
    _add(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE persons SET name = :value"), {"value": damage})
    with Session(engine) as session, pytest.raises(EncryptedColumnError):
        session.scalars(select(Person.name)).all()


@pytest.mark.parametrize("damage", ["", "A", "!", "A" * 35, "é" * 10, CODE])
def test_a_damaged_disguise_is_refused(damage: str) -> None:
    with pytest.raises(EncryptedColumnError):
        CIPHER.reveal("code", damage)


def test_a_bit_of_any_octet_matters() -> None:
    sealed = CIPHER.encrypt("a.b", b"value")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(EncryptedColumnError):
            CIPHER.decrypt("a.b", bytes(damaged))


def test_without_a_cipher_nothing_is_written_in_clear(tmp_path: Path) -> None:
    engine = create_database_engine(f"sqlite:///{tmp_path}/b.db")
    Base.metadata.create_all(engine)
    with Session(engine) as session, pytest.raises((StatementError, NoCipherError)):
        session.execute(update(Person).values(name="x"))
    engine.dispose()


def test_errors_and_representations_tell_no_value(engine: Engine) -> None:
    _add(engine)
    with pytest.raises(StatementError) as caught:  # the code is taken
        _add(engine)
    assert NAME not in str(caught.value)
    assert CODE not in str(caught.value)
    assert repr(CIPHER) == "ColumnCipher(…)"


@given(value=st.text(max_size=60), domain=st.sampled_from(["code", "other"]))
def test_any_text_survives_both_ways(value: str, domain: str) -> None:
    assert CIPHER.reveal(domain, CIPHER.disguise(domain, value)) == value
    assert CIPHER.decrypt(domain, CIPHER.encrypt(domain, value.encode())).decode() == value
    assert CIPHER.index(domain, value) == CIPHER.index(domain, value)
    assert CIPHER.index("code", value) != CIPHER.index("other", value)


@given(value=st.text(alphabet="0123456789", max_size=12))
def test_a_disguise_has_the_told_length(value: str) -> None:
    assert len(CIPHER.disguise("code", value)) == disguised_length(len(value))
