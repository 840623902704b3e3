"""What each kind of application needs: data of the country (`issuance/countries/`), not code."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum, unique
from importlib.resources import files

from issuance.delivery.rules import DeliveryRules, read_delivery
from issuance.errors import InvalidInputError
from pki.profiles.table import Table
from pki.profiles.toml import parse_toml

DOCUMENT_LENGTH = 32
_WORD = 80
_MAX_DAYS = 3660


@unique
class ApplicationKind(StrEnum):
    """Why a card is asked for."""

    NEW = "new"
    RENEWAL = "renewal"
    REPLACEMENT = "replacement"
    CORRECTION = "correction"


@unique
class ReplacementCause(StrEnum):
    """What happened to the card that is replaced."""

    LOST = "lost"
    STOLEN = "stolen"
    DAMAGED = "damaged"


@unique
class Replaced(StrEnum):
    """Which card of the person an application replaces."""

    NONE = "none"
    LIVE = "live"
    """One that is in use or suspended."""
    ANY = "any"
    """The last one that was handed over, whatever became of it."""


@dataclass(frozen=True)
class Document:
    """Something that is shown at the counter."""

    name: str
    has_number: bool
    english: str
    persian: str


@dataclass(frozen=True)
class KindRule:
    """What one kind of application needs."""

    documents: tuple[str, ...]
    replaces: Replaced
    stopped_first: bool
    """The old card is suspended or revoked before the application is handed over."""


@dataclass(frozen=True)
class CountryRules:
    """How applications go in one country."""

    documents: Mapping[str, Document]
    kinds: Mapping[tuple[ApplicationKind, ReplacementCause | None], KindRule]
    register_submission: timedelta
    """How old the civil register's answer may be when an application is handed over."""
    register_approval: timedelta
    """The same when it is approved."""
    slip_life: timedelta
    """For how long a citizen's slip is good."""
    delivery: DeliveryRules
    kept: timedelta
    """For how long a person's data has to be kept after their last card ended."""

    def rule(self, kind: ApplicationKind, cause: ReplacementCause | None) -> KindRule:
        """The rule of a kind. Raises InvalidInputError: a replacement has a cause, and nothing else has."""
        found = self.kinds.get((kind, cause))
        if found is None:
            raise InvalidInputError("a replacement says lost, stolen or damaged, and no other kind does")
        return found


def missing(rule: KindRule, shown: Iterable[str]) -> tuple[str, ...]:
    """The documents that the kind needs and that were not shown."""
    there = set(shown)
    return tuple(document for document in rule.documents if document not in there)


def read_rules(file: str, text: bytes) -> CountryRules:
    """A country file; `file` is its name, for errors. Raises ProfileError."""
    table = Table(file, parse_toml(file, text))
    words = table.table("documents")
    documents = {name: _document(words, name) for name in words.names}
    kinds = table.table("kinds")
    rules: dict[tuple[ApplicationKind, ReplacementCause | None], KindRule] = {}
    for kind in ApplicationKind:
        below = kinds.table(kind.value)
        if kind is ApplicationKind.REPLACEMENT:
            rules |= {(kind, cause): _rule(below.table(cause.value), documents) for cause in ReplacementCause}
            below.refuse_unknown()
        else:
            rules[kind, None] = _rule(below, documents)
    country = CountryRules(
        documents,
        rules,
        _days(table, "register_days_submission"),
        _days(table, "register_days_approval"),
        _days(table, "slip_days"),
        read_delivery(table.table("delivery"), documents),
        _days(table, "kept_days"),
    )
    for each in (kinds, table):
        each.refuse_unknown()
    return country


def _document(words: Table, name: str) -> Document:
    if not 1 <= len(name) <= DOCUMENT_LENGTH:
        raise words.error(name, f"a document's name has at most {DOCUMENT_LENGTH} characters")
    entry = words.table(name)
    document = Document(name, entry.flag("number"), entry.text("en", _WORD), entry.text("fa", _WORD))
    entry.refuse_unknown()
    return document


def _rule(table: Table, known: Mapping[str, Document]) -> KindRule:
    needed = table.texts("documents")
    if not set(needed) <= set(known):
        raise table.error("documents", "names a document that [documents] does not")
    replaces = table.text("replaces", _WORD)
    if replaces not in list(Replaced):
        raise table.error("replaces", "must be none, live or any")
    rule = KindRule(needed, Replaced(replaces), table.flag("stopped_first"))
    table.refuse_unknown()
    return rule


def _days(table: Table, key: str) -> timedelta:
    return timedelta(days=table.integer(key, 0, _MAX_DAYS, None))


RULES = read_rules("ir.toml", (files("issuance") / "countries" / "ir.toml").read_bytes())
