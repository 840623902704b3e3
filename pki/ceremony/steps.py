"""What each kind of ceremony does, with officers or unattended. Every step can be repeated."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki.auditchain import Event, Json
from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.record import RETIRED, record_events
from pki.ceremony import made
from pki.ceremony.errors import CeremonyPlanError
from pki.ceremony.founding import Foundry
from pki.ceremony.made import Made
from pki.ceremony.plan import (
    ANSWERING,
    CHECKPOINT_KEY,
    MASTER_KEY_NAMES,
    SELF_SIGNED,
    PlannedCa,
    first_generation,
    planned,
    responder_key,
)
from pki.cms.documents import DOCUMENT_SIGNER, MASTER_LIST_SIGNER, DocumentSigners
from pki.hierarchy import Role, parse_issuer_name, partition_scope
from pki.keys.kinds import KeyKind
from pki.profiles.profile import Profile
from pki.store.database import read_only
from pki.store.models import CertificateRow, Issuer

ROOT_CRL_LIFE = timedelta(days=365)
"""From a ceremony's root CRL to its nextUpdate; the next ceremony comes before."""
CSCA_CRL_LIFE = timedelta(days=90)
"""ICAO Doc 9303-12 §6: a country signing CA's CRL comes at least every 90 days, and so does its ceremony."""
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""nextUpdate of a CA's last CRL (ETSI EN 319 411-2 §6.3.9, RFC 5280 §4.1.2.5)."""
LINKS: Mapping[Role, Profile] = {Role.ROOT: Profile.CROSS_CA, Role.CSCA: Profile.CSCA_LINK}


def found(foundry: Foundry, shards: int) -> list[Made]:
    """A whole hierarchy: CAs, service keys, state signers, master list and first CRLs."""
    first = first_generation(shards)
    if not foundry.keys.has_master_keys(MASTER_KEY_NAMES):  # first: intents are sealed under one of them
        foundry.keys.create_master_keys(MASTER_KEY_NAMES)
    results = [_found_ca(foundry, item) for item in first]
    results += [_service_key(foundry, responder_key(item.name)) for item in first if item.role in ANSWERING]
    results += state_signers(foundry, {DOCUMENT_SIGNER: 1, MASTER_LIST_SIGNER: 1})
    results += publish_crls(foundry, [item.name for item in first if not _in_vault(foundry, item)])
    # Last: with this key an installation counts as founded.
    return [*results, _service_key(foundry, CHECKPOINT_KEY)]


def add_ca(foundry: Foundry, role: Role, generation: int, shards: int) -> list[Made]:
    """The next generation of an issuing CA, below the newest root, with its responder's key and first CRL."""
    item = planned(role, generation, shards)
    results = [_found_ca(foundry, item), _service_key(foundry, responder_key(item.name))]
    return results + publish_crls(foundry, [item.name])


def renew(foundry: Foundry, role: Role, generation: int) -> list[Made]:
    """The next root, cross-certified both ways; or the next CSCA, linked from the one before it."""
    item, before = planned(role, generation), planned(role, generation - 1)
    results = [_found_ca(foundry, item), cross(foundry, item.name, before.name)]
    if role is Role.ROOT:
        results.append(cross(foundry, before.name, item.name))
    else:
        results.append(_master_list(foundry))
    return results


def cross(foundry: Foundry, name: str, above: str) -> Made:
    """The key of one generation certified by another."""
    role, generation = parse_issuer_name(name)
    issued = foundry.cross_certify(planned(role, generation), above, LINKS[role])
    return made.certificate(f"{name}-by-{above}", issued)


def state_signers(foundry: Foundry, numbers: Mapping[str, int]) -> list[Made]:
    """Document signers and master list signers of these numbers, and a new master list."""
    signers = DocumentSigners(foundry)
    results = [made.certificate(*signers.rotate(kind, number)) for kind, number in sorted(numbers.items())]
    return [*results, _master_list(foundry)]


def publish_crls(foundry: Foundry, names: Iterable[str]) -> list[Made]:
    """The next CRL of each of these CAs."""
    issuers = foundry.issuers()
    publisher = foundry.publisher(issuers)
    results = []
    for name in names:
        end = _next_update(foundry, issuers[name])
        results.append(made.crl(publisher.publish(name, foundry.actor, next_update=end)))
    return results


def retire(foundry: Foundry, name: str) -> list[Made]:
    """The last CRL of a CA whose certificates have all ended; its key is never opened again."""
    issuers = foundry.issuers()
    results = []
    if issuers[name].key is not None:
        publisher = foundry.publisher(issuers)
        results += [
            made.crl(publisher.publish(scope, foundry.actor, next_update=NEVER))
            for scope in _full_scopes(issuers[name])
        ]
    with foundry.changed_row(name) as (session, row):
        row.online, row.retired = False, True
        key = row.key
        record_events(session, [Event(foundry.clock(), foundry.actor, RETIRED, name, {})])
    return [*results, Made("retirement", name, {"destroy_key": key})]


def _full_scopes(ca: IssuingCa) -> list[str]:
    """The CRLs that its certificates name: its whole one, and those of its partitions."""
    shards = range(ca.shards) if ca.shards > 1 else ()
    return [ca.name, *(partition_scope(ca.name, shard) for shard in shards)]


def require_retirable(foundry: Foundry, issuers: Issuers, ca: IssuingCa) -> None:
    """Raises CeremonyPlanError for a CA that still issues, or whose certificates still live."""
    if issuers.current(ca.role).name == ca.name:
        raise CeremonyPlanError(f"{ca.name} is the newest of its role; make its successor first")
    live = select(func.count()).where(
        CertificateRow.issuer == ca.name,
        CertificateRow.not_after >= foundry.clock(),
        CertificateRow.profile != Profile.OCSP_RESPONDER.value,  # they answer for the others alone
    )
    with Session(read_only(foundry.engine)) as session:
        count = session.scalar(live) or 0
    if count:
        raise CeremonyPlanError(
            f"{count} certificates of {ca.name} have not ended yet; it signs their status"
        )


def offline_names(foundry: Foundry) -> list[str]:
    """The CAs whose keys are in the vault."""
    with Session(read_only(foundry.engine)) as session:
        names = session.scalars(
            select(Issuer.name).where(Issuer.certificate.is_not(None), ~Issuer.online)
        ).all()
    issuers = foundry.issuers()
    return [name for name in sorted(names) if issuers[name].key is not None]


def certificates_of(results: Iterable[Made]) -> list[Mapping[str, Json]]:
    """What was made, as a transcript lists it; a CRL made twice counts once, the newest."""
    newest = {(item.what, item.name): item for item in results}
    return [{"what": item.what, "name": item.name, **item.details} for item in newest.values()]


def _in_vault(foundry: Foundry, item: PlannedCa) -> bool:
    """Their CRLs come at the ceremony's end, with those of all others off line."""
    return foundry.vault is not None and item.self_signed


def _found_ca(foundry: Foundry, item: PlannedCa) -> Made:
    foundry.register(item)
    return made.certificate(item.name, foundry.certify(item))


def _service_key(foundry: Foundry, name: str) -> Made:
    foundry.make_service_key(name, KeyKind.P256)
    return made.public_key(name, foundry.service_signer(name).public_key)


def _master_list(foundry: Foundry) -> Made:
    return made.document("master list", "masterlist", DocumentSigners(foundry).publish_master_list())


def _next_update(foundry: Foundry, ca: IssuingCa) -> datetime | None:
    """A ceremony's CRL lives until the next ceremony; None: as long as the publisher decides."""
    if foundry.vault is None or ca.role not in SELF_SIGNED:
        return None
    life = ROOT_CRL_LIFE if ca.role is Role.ROOT else CSCA_CRL_LIFE
    return foundry.clock().replace(microsecond=0) + life
