"""Searching for people."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass

from issuance.database import Database
from issuance.errors import InvalidInputError
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.people.repository import Key, Place, keys_of, known, page
from issuance.registry.models import Citizen
from issuance.registry.search import wanted
from pki.store.encrypted import ColumnCipher, EncryptedColumnError

PAGE_SIZE = 20
_CURSOR = "people.cursor"


@dataclass(frozen=True)
class Found:
    """One page."""

    people: Sequence[tuple[Citizen, int]]
    """Each with the slips between what was typed and their names."""
    cursor: str | None
    """Where the next page begins; None: this is the last."""


class People:
    """The people of one registry."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, actor: Actor, words: str, cursor: str | None = None) -> Found:
        """People by national code, both names, or one name and the birth date; names one slip away, too.

        Raises RoleRequiredError, or InvalidInputError for words that can find nobody and for a cursor that is
        not of this search.
        """
        actor.require(Role.CLERK, Role.SUPERVISOR)
        asked = wanted(words)
        if asked.national_code is not None:
            return self._by_code(asked.national_code)
        if not asked.pairs and not asked.dated_names:
            raise InvalidInputError("give a national code, both names, or one name and the birth date")
        start = None if cursor is None else self._place(cursor)
        with self._database.reading() as session:
            keys = known(session, keys_of(session, asked))
            if start is not None and start.key not in keys:
                raise InvalidInputError("the cursor is not of this search")
            people, more = page(session, keys, start, PAGE_SIZE)
        following = None
        if more:
            last, key = people[-1]
            following = self._cursor(Place(key, last.national_code))
        return Found([(person, key.errors) for person, key in people], following)

    def _by_code(self, national_code: str) -> Found:
        with self._database.reading() as session:
            person = session.get(Citizen, national_code)
        return Found([] if person is None else [(person, 0)], None)

    @property
    def _cipher(self) -> ColumnCipher:
        return self._database.cipher

    def _cursor(self, place: Place) -> str:
        """It goes through a client's hands, and names somebody: encrypted."""
        key = place.key
        told = json.dumps([key.column, key.text, key.errors, place.national_code]).encode()
        return base64.urlsafe_b64encode(self._cipher.encrypt(_CURSOR, told)).decode()

    def _place(self, cursor: str) -> Place:
        try:
            octets = self._cipher.decrypt(
                _CURSOR, base64.urlsafe_b64decode(cursor.encode("ascii", "replace"))
            )
        except (binascii.Error, ValueError, EncryptedColumnError):
            raise InvalidInputError("the cursor is not of this search") from None
        column, text, errors, national_code = json.loads(octets)
        return Place(Key(column, text, errors), national_code)
