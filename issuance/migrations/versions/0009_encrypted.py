"""Personal data is encrypted; people are found by keyed digests of their names (ADR 40)."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op

from issuance.migrations.altering import altered
from issuance.migrations.encrypting import (
    Types,
    Values,
    decrypt,
    decrypted,
    disguised,
    encrypt,
    encrypted,
    from_octets,
    narrow,
    rewrite,
    to_octets,
    unreferenced,
    widen,
)
from issuance.registry.namekeys import dated, pair_key, skeleton, sort_key
from pki.store.encrypted import ColumnCipher

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_CODE, _CODE_LENGTH = "national_code", 10
_IN_CLEAR, _DISGUISED = "length(national_code) <= 10", "length(national_code) > 10"
_REFERRING = ("applications", "cards", "duplicate_matches")
_PEOPLE: Types = {
    **{name: sa.String(100) for name in ("given_name", "surname", "father_name")},
    **{name: sa.String(100) for name in ("latin_given_name", "latin_surname")},
    "birth_date": sa.Date(),
    "sex": sa.String(1),
}
_KEYS = {"sort_key": 402, "given_key": 100, "surname_key": 100, "father_key": 100, "pair_key": 201}
_KEY_INDEXES = {
    "ix_citizens_pair_key_birth_date": ["pair_key", "birth_date"],
    "ix_citizens_birth_date_given_key": ["birth_date", "given_key"],
    "ix_citizens_birth_date_surname_key": ["birth_date", "surname_key"],
    "ix_citizens_sort_key": ["sort_key"],
}
_DIGESTS = ("pair_index", "pair_birth_index", "given_birth_index", "surname_birth_index")
_DIGEST_INDEXES = {
    "ix_citizens_pair_index_national_code": ["pair_index", _CODE],
    **{f"ix_citizens_{name}": [name] for name in _DIGESTS[1:]},
}
_DIGEST = sa.String(32)
_NOT_EMPTY = "decision IS NULL OR reason <> ''"
_NOT_EMPTY_ENCRYPTED = "decision IS NULL OR length(reason) > 29"
_NOT_EMPTY_NAME = "ck_duplicate_matches_decided_with_reason"
_OTHERS: dict[str, tuple[tuple[str, ...], Types]] = {
    "applications": (
        ("id",),
        {
            "latin_given_name": sa.String(100),
            "latin_surname": sa.String(100),
            "portrait": sa.LargeBinary(),
            "decision_note": sa.String(500),
        },
    ),
    "application_evidence": (("application_id", "document"), {"reference": sa.String(64)}),
    "register_answers": (("application_id", "number"), {"record": sa.JSON()}),
    "card_certificates": (("serial",), {"der": sa.LargeBinary()}),
    "operators": (("username",), {"password_hash": sa.String(200)}),
    "orders": (("application_id",), {"urgent_reason": sa.String(200)}),
    "inspections": (("production_id",), {"reason": sa.String(200)}),
}
_MATCHES: tuple[tuple[str, ...], Types] = (("application_id", "number"), {"reason": sa.String(500)})
_REFERRING_KEYS = {
    "applications": ["id"],
    "cards": ["card_number"],
    "duplicate_matches": ["application_id", "number"],
}


def upgrade() -> None:
    for name in _KEY_INDEXES:
        op.drop_index(name, "citizens")
    with altered("citizens") as people:
        for name in _KEYS:
            people.drop_column(name)
        for name in _DIGESTS:
            people.add_column(sa.Column(name, _DIGEST))
        to_octets(people, _PEOPLE)
        widen(people, _CODE, _CODE_LENGTH)
    with unreferenced(_CODE, "citizens.national_code", _REFERRING):
        rewrite("citizens", [_CODE], [_CODE, *_PEOPLE], _encrypted_person, _IN_CLEAR)
        for table, key in _REFERRING_KEYS.items():
            with altered(table) as batch:
                widen(batch, _CODE, _CODE_LENGTH)
            rewrite(table, key, [_CODE], _disguised_code)
    with altered("citizens") as people:
        for name in _DIGESTS:
            people.alter_column(name, existing_type=_DIGEST, nullable=False)
    for name, columns in _DIGEST_INDEXES.items():
        op.create_index(name, "citizens", columns)
    for table, (others, types) in _OTHERS.items():
        encrypt(table, others, types)
    encrypt("duplicate_matches", *_MATCHES, [_NOT_EMPTY_NAME])
    with altered("duplicate_matches") as matches:
        matches.create_check_constraint(op.f(_NOT_EMPTY_NAME), _NOT_EMPTY_ENCRYPTED)


def downgrade() -> None:
    decrypt("duplicate_matches", *_MATCHES, [_NOT_EMPTY_NAME])
    with altered("duplicate_matches") as matches:
        matches.create_check_constraint(op.f(_NOT_EMPTY_NAME), _NOT_EMPTY)
    for table, (others, types) in _OTHERS.items():
        decrypt(table, others, types)
    for name in _DIGEST_INDEXES:
        op.drop_index(name, "citizens")
    with altered("citizens") as people:
        for name, length in _KEYS.items():
            people.add_column(sa.Column(name, sa.String(length), server_default="", nullable=False))
    with unreferenced(_CODE, "citizens.national_code", _REFERRING):
        rewrite("citizens", [_CODE], [_CODE, *_PEOPLE], _decrypted_person, _DISGUISED)
        for table, key in _REFERRING_KEYS.items():
            rewrite(table, key, [_CODE], _revealed_code)
            with altered(table) as batch:
                narrow(batch, _CODE, _CODE_LENGTH)
        _restore_citizens()
    for name, columns in _KEY_INDEXES.items():
        op.create_index(name, "citizens", columns)


def _restore_citizens() -> None:
    copied = op.get_bind().dialect.name == "sqlite"
    reflected: list[sa.Column[Any]] = [sa.Column(name, kind) for name, kind in _PEOPLE.items()]
    with altered("citizens", reflected=reflected if copied else ()) as people:
        for name in _DIGESTS:
            people.drop_column(name)
        from_octets(people, _PEOPLE)
        narrow(people, _CODE, _CODE_LENGTH)


def _encrypted_person(cipher: ColumnCipher, row: Values) -> Values:
    people = {name: row[name] for name in _PEOPLE}
    given, surname = (bytes(people[name]).decode() for name in ("given_name", "surname"))
    born = date.fromisoformat(bytes(people["birth_date"]).decode())
    pair = pair_key(given, surname)
    return {
        _CODE: disguised(cipher, _CODE, row[_CODE]),
        **encrypted(cipher, "citizens", people),
        "pair_index": cipher.index("citizens.pair", pair),
        "pair_birth_index": cipher.index("citizens.pair_birth", dated(pair, born)),
        "given_birth_index": cipher.index("citizens.name_birth", dated(skeleton(given), born)),
        "surname_birth_index": cipher.index("citizens.name_birth", dated(skeleton(surname), born)),
    }


def _decrypted_person(cipher: ColumnCipher, row: Values) -> Values:
    people = decrypted(cipher, "citizens", {name: row[name] for name in _PEOPLE}, _PEOPLE)
    given, surname, father = (_text(people[name]) for name in ("given_name", "surname", "father_name"))
    return {
        _CODE: cipher.reveal(_CODE, row[_CODE]),
        **people,
        "sort_key": sort_key(surname, given),
        "given_key": skeleton(given),
        "surname_key": skeleton(surname),
        "father_key": skeleton(father),
        "pair_key": pair_key(given, surname),
    }


def _disguised_code(cipher: ColumnCipher, row: Values) -> Values:
    return {_CODE: disguised(cipher, _CODE, row[_CODE])}


def _revealed_code(cipher: ColumnCipher, row: Values) -> Values:
    return {_CODE: cipher.reveal(_CODE, row[_CODE])}


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()
