"""What can be known to fail before a ceremony begins. Nothing here writes; only the last opens keys."""

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.record import refuse_clock_set_back
from pki.ceremony.custody import OFFLINE_SCHEME, Vault
from pki.ceremony.errors import CeremonyPlanError, CustodyError
from pki.ceremony.founding import Foundry
from pki.ceremony.places import require_writable
from pki.ceremony.plan import SELF_SIGNED, PlannedCa
from pki.errors import KeyMismatchError
from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.profiles.profile import Profile
from pki.status.state import Status
from pki.store.database import read_only
from pki.store.models import CertificateRow, Issuer, KeyRow

_SERVICE_KIND = KeyKind.P256
SERVICE_PROFILES = (Profile.DOCUMENT_SIGNER, Profile.MASTER_LIST_SIGNER)


def require_profiles(foundry: Foundry, cas: Iterable[PlannedCa], others: Iterable[Profile] = ()) -> None:
    """Each profile is readable and takes the kind of key it will be given.

    Raises ProfileError, CeremonyPlanError.
    """
    wanted = [(ca.profile, ca.key_kind) for ca in cas]
    wanted += [(profile, _kind_of(profile)) for profile in others]
    for profile, kind in wanted:
        if kind not in foundry.definitions[profile].keys:
            raise CeremonyPlanError(f"the profile {profile.value} takes no {kind.value} keys")


def require_signing(foundry: Foundry, issuers: Issuers, name: str) -> None:
    """This CA can certify now. Raises UnknownIssuerError, CeremonyPlanError."""
    authority = issuers[name]
    require_in_use(foundry, name)
    validity = authority.facts.validity
    if not validity.not_before <= foundry.clock().replace(microsecond=0) < validity.not_after:
        raise CeremonyPlanError(f"the certificate of {name} is not valid now")
    with Session(read_only(foundry.engine)) as session:
        status = session.scalar(
            select(CertificateRow.status).where(CertificateRow.serial == authority.serial)
        )
    if status not in {None, Status.GOOD.value}:
        raise CeremonyPlanError(f"the certificate of {name} is revoked or on hold")


def require_in_use(foundry: Foundry, name: str) -> None:
    """This CA's key is still used. Raises CeremonyPlanError."""
    with Session(read_only(foundry.engine)) as session:
        row = session.get(Issuer, name)
    if row is not None and row.retired:
        raise CeremonyPlanError(f"{name} is retired; its key is opened no more")


def require_no_hierarchy(foundry: Foundry) -> None:
    """No CA is certified, by whomever. Raises CeremonyPlanError."""
    query = select(Issuer.name).where(Issuer.certificate.is_not(None)).limit(1)
    with Session(read_only(foundry.engine)) as session:
        if session.scalars(query).first() is not None:
            raise CeremonyPlanError("this home has a hierarchy already")


def require_not_begun_on_line(foundry: Foundry) -> None:
    """No root of this home has its key on line: `hoviat init` made or began it. Raises CeremonyPlanError."""
    roots = [role.value for role in SELF_SIGNED]
    query = select(Issuer.name).where(Issuer.role.in_(roots), Issuer.online).limit(1)
    with Session(read_only(foundry.engine)) as session:
        if session.scalars(query).first() is not None:
            raise CeremonyPlanError("`hoviat init` began this home; its roots are on line")


def require_free(foundry: Foundry, item: PlannedCa) -> None:
    """This generation can be made, or gone on with. Raises CeremonyPlanError."""
    with Session(read_only(foundry.engine)) as session:
        row = session.get(Issuer, item.name)
    if row is None:
        return
    if row.certificate is not None:
        raise CeremonyPlanError(f"{item.name} is there already")
    if row.shards != item.shards:
        raise CeremonyPlanError(f"{item.name} was begun with {row.shards} partitions; ask for as many")


def current(foundry: Foundry, role: Role) -> IssuingCa:
    """A role's newest CA, without its key. Raises UnknownIssuerError."""
    return foundry.public_issuers().current(role)


def has_offline_keys(foundry: Foundry) -> bool:
    """Whether this hierarchy has a folder off line already."""
    query = (
        select(Issuer.name)
        .join(KeyRow, KeyRow.name == Issuer.key)
        .where(KeyRow.uri.startswith(OFFLINE_SCHEME), ~Issuer.retired)
    )
    with Session(read_only(foundry.engine)) as session:
        return session.scalars(query.limit(1)).first() is not None


def require_clock(foundry: Foundry) -> None:
    """Raises ClockSetBackError."""
    with Session(read_only(foundry.engine)) as session:
        refuse_clock_set_back(session, foundry.clock())


def require_room(folders: Iterable[Path]) -> None:
    """Files can be made in each of these. Raises CeremonyPlanError."""
    for folder in folders:
        try:
            require_writable(folder)
        except OSError as error:
            raise CeremonyPlanError(f"{folder}: can't be written: {error.strerror}") from error


def require_own_folder(foundry: Foundry, vault: Vault, known: Iterable[str]) -> Issuers:
    """The open folder is this hierarchy's, or new. Opens every key that is used.

    :param known: what this home's ceremonies say of their folders (`Custody.check`)
    Raises CustodyError, KeyStoreError, KeyMismatchError.
    """
    try:
        issuers = foundry.issuers()
    except KeyMismatchError as error:
        if _is_offline(foundry, error.name):
            raise CustodyError(vault.folder, "holds the keys of another hierarchy") from error
        raise
    proved = any(ca.key is not None and _is_offline(foundry, ca.name) for ca in issuers)
    if not proved and vault.custody.check not in set(known) and vault.names():
        raise CustodyError(vault.folder, "holds keys already, and none of this hierarchy")
    return issuers


def _is_offline(foundry: Foundry, name: str) -> bool:
    with Session(read_only(foundry.engine)) as session:
        row = session.get(Issuer, name)
    return row is not None and not row.online


def _kind_of(profile: Profile) -> KeyKind:
    """Signers' keys are P-256; a link or a cross certificate takes a self-signed CA's."""
    return _SERVICE_KIND if profile in SERVICE_PROFILES else KeyKind.P384
