"""Reads a card profile's TOML file: every key known and of its type, none missing, or ProfileError.

title = "An adult citizen"
status = "delivered"                      `Status`
reason = "keyCompromise"                  RFC 5280's names; with status "revoked" alone

[holder]
given_name = "…"     surname = "…"        one of them may be absent
latin_name = "…"     born = "1990-04-12"  sex = "F"
foreign = { scheme = "PAS", country = "AF" }   absent for citizens

[keys.9A]                                 the slots that have a key
algorithm = "ecc-p256"                    `Algorithm`, in small letters
certificate = "authentication"            or "signature": what the key is certified for

[faults]                                  absent for honest cards
authentication-certificate = "truncated"  `ObjectId` = `Fault`
"""

from importlib.resources import files
from pathlib import Path

from cardio.piv.objects import ObjectId
from cardio.piv.slots import ASYMMETRIC_ALGORITHMS, Algorithm, Slot
from issuance.production.personalisation import KeyPlan
from pki.errors import ProfileError, SubjectError
from pki.profiles.country import COUNTRY, COUNTRY_CODES
from pki.profiles.identities import Scheme
from pki.profiles.names import MAX_NAME, fold
from pki.profiles.profile import Profile
from pki.profiles.toml import parse_toml
from pki.status.state import RevocationReason
from simulators.profiles.shape import (
    CERTIFICATE_FAULTS,
    CardProfile,
    Fault,
    Foreign,
    HolderProfile,
    Status,
)
from simulators.profiles.table import ProfileTable, key_name

SUFFIX = ".toml"
MAX_FILE_BYTES = 65_536
_MAX_TITLE = 120
_MAX_LATIN_NAME = 125  # SP 800-73-5 part 1, table 15
_MAX_DECOMPOSED = 4 * MAX_NAME
_CERTIFIED = (Profile.AUTHENTICATION, Profile.SIGNATURE)
_SLOTS = {"9A": Slot.AUTHENTICATION, "9C": Slot.SIGNATURE}
_SEXES = ("F", "M", "X")
_OBJECTS = frozenset(
    {
        ObjectId.CHUID,
        ObjectId.CARD_CAPABILITY_CONTAINER,
        ObjectId.PRINTED_INFORMATION,
        *(slot.certificate_object for slot in _SLOTS.values()),
    }
)
_NOT_FOR_REVOCATION = frozenset({RevocationReason.CERTIFICATE_HOLD, RevocationReason.REMOVE_FROM_CRL})


def profile_names() -> list[str]:
    """The names of the project's own profiles."""
    folder = files(__package__) / "data"
    return sorted(
        entry.name.removesuffix(SUFFIX) for entry in folder.iterdir() if entry.name.endswith(SUFFIX)
    )


def load_profile(name: str) -> CardProfile:
    """The profile of that name; where it ends in .toml, the one in that file. Raises ProfileError."""
    if name.endswith(SUFFIX):
        path = Path(name)
        return read_profile(path.name, _read(path))
    if name not in profile_names():
        raise ProfileError(name, "", "is no card profile; `hoviat sim profiles` lists them")
    file = f"{name}{SUFFIX}"
    return read_profile(file, (files(__package__) / "data" / file).read_bytes())


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ProfileError(path.name, "", f"can't be read: {error.strerror}") from error
    if len(text) > MAX_FILE_BYTES:
        raise ProfileError(path.name, "", "is too long")
    return text


def read_profile(file: str, text: bytes) -> CardProfile:
    """The profile in a TOML file; `file` is its name. Raises ProfileError."""
    table = ProfileTable(file, parse_toml(file, text))
    title = table.text("title", _MAX_TITLE)
    status = table.member("status", Status, Status)
    keys = _keys(table.child("keys"))
    profile = CardProfile(
        name=file.removesuffix(SUFFIX),
        title=title,
        holder=_holder(table.child("holder")),
        keys=keys,
        status=status,
        reason=_reason(table, status),
        faults=_faults(table.child("faults"), {plan.slot.certificate_object for plan in keys}),
    )
    table.refuse_unknown()
    return profile


def _reason(table: ProfileTable, status: Status) -> RevocationReason | None:
    if status is not Status.REVOKED:
        return None  # a reason that is there nevertheless is left over, and refused as unknown
    reason = table.member("reason", RevocationReason, RevocationReason)
    if reason in _NOT_FOR_REVOCATION:
        raise table.error("reason", "is none for which a certificate is revoked")
    return reason


def _holder(table: ProfileTable) -> HolderProfile:
    latin = table.text("latin_name", _MAX_LATIN_NAME)
    if not latin.isascii():
        raise table.error("latin_name", "must be ASCII")
    sex = table.text("sex", 1)
    if sex not in _SEXES:
        raise table.error("sex", f"must be one of: {', '.join(_SEXES)}")
    holder = HolderProfile(
        given_name=_name(table, "given_name"),
        surname=_name(table, "surname"),
        latin_name=latin,
        born=table.partial_date("born"),
        sex=sex,
        foreign=_foreign(table.child("foreign")) if table.has("foreign") else None,
    )
    if holder.given_name is None and holder.surname is None:
        raise table.error("surname", "is missing, and so is given_name")
    table.refuse_unknown()
    return holder


def _name(table: ProfileTable, key: str) -> str | None:
    name = table.name(key, _MAX_DECOMPOSED)
    if name is not None:
        try:
            fold(key, name)
        except SubjectError as error:
            raise table.error(key, "is no name that a certificate can hold") from error
    return name


def _foreign(table: ProfileTable) -> Foreign:
    scheme = table.member("scheme", Scheme, Scheme)
    country = table.text("country", 2)
    if country not in COUNTRY_CODES or (country == COUNTRY.code and scheme is not Scheme.PERSONAL_NUMBER):
        raise table.error("country", "is none of ISO 3166-1, or gives foreign nationals no such number")
    table.refuse_unknown()
    return Foreign(scheme, country)


def _keys(table: ProfileTable) -> tuple[KeyPlan, ...]:
    if not table.has("9A"):
        raise table.error("9A", "is missing")
    plans = tuple(_key(table.child(name), slot) for name, slot in _SLOTS.items() if table.has(name))
    table.refuse_unknown()
    return plans


def _key(table: ProfileTable, slot: Slot) -> KeyPlan:
    algorithm = table.member("algorithm", lambda text: Algorithm[key_name(text)], Algorithm)
    if algorithm not in ASYMMETRIC_ALGORITHMS:
        raise table.error("algorithm", "is none of key pairs")
    profile = table.member("certificate", Profile, Profile)
    if profile not in _CERTIFIED:
        raise table.error("certificate", f"must be one of: {', '.join(known.value for known in _CERTIFIED)}")
    table.refuse_unknown()
    return KeyPlan(slot, algorithm, profile)


def _faults(table: ProfileTable, certificates: set[ObjectId]) -> dict[ObjectId, Fault]:
    faults: dict[ObjectId, Fault] = {}
    for key in table.present():
        object_id = ObjectId.__members__.get(key.upper().replace("-", "_"))
        if object_id not in _OBJECTS or key != key.lower():
            continue  # left over, and refused as unknown
        fault = table.member(key, Fault, Fault)
        if fault in CERTIFICATE_FAULTS and object_id not in certificates:
            raise table.error(key, "is for the certificates of keys that the card has")
        if fault is Fault.OTHER_CARD and object_id is not ObjectId.CHUID:
            raise table.error(key, "is for the CHUID")
        faults[object_id] = fault
    table.refuse_unknown()
    return faults
