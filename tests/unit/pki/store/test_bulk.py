"""Rows by the hundred reach the table whole, or not at all, on SQLite and on PostgreSQL."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import BigInteger, Boolean, Engine, LargeBinary, SmallInteger, String, Text, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from pki.store.bulk import among, dialect_of, insert_rows, insert_values, table_of
from pki.store.database import create_database_engine


class _Base(DeclarativeBase):
    pass


class _Thing(_Base):
    __tablename__ = "order"  # a word that SQL keeps for itself: names are quoted

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    octets: Mapped[bytes | None] = mapped_column(LargeBinary)
    number: Mapped[int] = mapped_column(BigInteger)
    small: Mapped[int] = mapped_column(SmallInteger)
    flag: Mapped[bool] = mapped_column(Boolean)
    text: Mapped[str | None] = mapped_column(Text)


_COLUMNS = ("name", "octets", "number", "small", "flag", "text")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgres else "sqlite://"
    engine = create_database_engine(url)
    _Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def _rows(count: int) -> list[tuple[object, ...]]:
    texts = ("پیش‌فرض", "tab\there", "line\nend\r", "back\\slash \\N", "", None)
    return [
        (
            f"n{i}",
            bytes([i % 256, 0, 255]) if i % 3 else None,
            (1 << 62) + i,
            -i % 7,
            i % 2 == 0,
            texts[i % 6],
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 1000])
@pytest.mark.parametrize("insert", [insert_rows, insert_values])
def test_what_goes_in_comes_out(engine: Engine, insert: Callable[..., None], count: int) -> None:
    rows = _rows(count)
    with Session(engine) as session, session.begin():
        insert(session, _Thing, _COLUMNS, rows)
    with Session(engine) as session:
        found = session.execute(select(*table_of(_Thing).c)).all()
    assert (
        sorted(found) == sorted(rows)
        if count < 2
        else {row[0]: tuple(row) for row in found} == {row[0]: row for row in rows}
    )


@pytest.mark.parametrize("count", [2, 100])
def test_a_row_that_is_refused_takes_the_others_with_it(engine: Engine, count: int) -> None:
    rows = _rows(count)
    rows[-1] = (rows[0][0], *rows[-1][1:])
    with pytest.raises(IntegrityError), Session(engine) as session, session.begin():
        insert_rows(session, _Thing, _COLUMNS, rows)
    with Session(engine) as session:
        assert session.execute(select(*table_of(_Thing).c)).all() == []


@pytest.mark.parametrize("count", [2, 100])
def test_a_missing_value_is_named_as_the_database_names_it(engine: Engine, count: int) -> None:
    rows = _rows(count)
    rows[-1] = ("none", None, None, 0, True, None)
    with pytest.raises(IntegrityError), Session(engine) as session, session.begin():
        insert_rows(session, _Thing, _COLUMNS, rows)


def test_a_copy_s_error_repeats_no_values(postgres_url: str) -> None:
    engine = create_database_engine(postgres_url)
    _Base.metadata.create_all(engine)
    rows = _rows(100)
    rows[50] = ("a name that is longer than the column", *rows[50][1:])
    with pytest.raises(DataError) as caught, Session(engine) as session, session.begin():
        insert_rows(session, _Thing, _COLUMNS, rows)
    assert "longer than" not in str(caught.value)
    engine.dispose()


def test_one_condition_for_any_number_of_values(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        insert_rows(session, _Thing, _COLUMNS, _rows(1000))
        names = table_of(_Thing).c.name
        statement = select(names).where(among(dialect_of(session), names, "names"))
        for wanted in ([], ["n1"], ["n1", "n1", "other"], [f"n{i}" for i in range(1000)]):
            found = set(session.scalars(statement, {"names": wanted}))
            assert found == {name for name in wanted if name != "other"}
