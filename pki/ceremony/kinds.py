"""The kinds of ceremonies there are. A plan is made, and refused, before anything of it is done."""

from collections.abc import Mapping

from pki.authority.issuers import Issuers
from pki.ceremony import checks, steps
from pki.ceremony.errors import CeremonyPlanError
from pki.ceremony.founding import Foundry
from pki.ceremony.holding import Ceremony, Plan
from pki.ceremony.made import Made
from pki.ceremony.plan import ANSWERING, SELF_SIGNED, first_generation, planned
from pki.cms.documents import DOCUMENT_SIGNER, MASTER_LIST_SIGNER, DocumentSigners
from pki.hierarchy import Role, parse_issuer_name
from pki.profiles.profile import Profile
from pki.published import links_of

ISSUING_ROLES: Mapping[str, Role] = {role.value: role for role in ANSWERING}
RENEWABLE_ROLES: Mapping[str, Role] = {role.value: role for role in SELF_SIGNED}
_SIGNERS = (DOCUMENT_SIGNER, MASTER_LIST_SIGNER)


def found(shards: int) -> Ceremony:
    """A whole hierarchy in a new home."""

    def plan(foundry: Foundry) -> Plan:
        checks.require_no_hierarchy(foundry)
        checks.require_not_begun_on_line(foundry)
        first = first_generation(shards)
        checks.require_profiles(foundry, first, checks.SERVICE_PROFILES)
        for item in first:
            checks.require_free(foundry, item)
        return {"shards": shards}

    def do(foundry: Foundry, _: Plan) -> list[Made]:
        return steps.found(foundry, shards)

    return Ceremony("found", {"shards": shards}, plan, do, makes_offline_keys=True)


def next_ca(role: Role, shards: int | None = None) -> Ceremony:
    """The next generation of an issuing CA; by default with as many partitions as the one before."""

    def plan(foundry: Foundry) -> Plan:
        issuers = foundry.public_issuers()
        before = issuers.current(role)
        count = before.shards if shards is None else shards
        item = planned(role, before.generation + 1, count)
        checks.require_profiles(foundry, [item])
        checks.require_free(foundry, item)
        checks.require_signing(foundry, issuers, issuers.current(Role.ROOT).name)
        return {"role": role.value, "generation": item.generation, "shards": count}

    def do(foundry: Foundry, plan: Plan) -> list[Made]:
        return steps.add_ca(foundry, role, _number(plan, "generation"), _number(plan, "shards"))

    return Ceremony("ca", {"role": role.value, "shards": shards}, plan, do)


def renew(role: Role) -> Ceremony:
    """The next root or CSCA, with cross certificates or link."""

    def plan(foundry: Foundry) -> Plan:
        issuers = foundry.public_issuers()
        before = issuers.current(role)
        item = planned(role, before.generation + 1)
        others = (
            (steps.LINKS[role],) if role is Role.ROOT else (steps.LINKS[role], Profile.MASTER_LIST_SIGNER)
        )
        checks.require_profiles(foundry, [item], others)
        checks.require_free(foundry, item)
        checks.require_signing(foundry, issuers, before.name)
        return {"role": role.value, "generation": item.generation}

    def do(foundry: Foundry, plan: Plan) -> list[Made]:
        return steps.renew(foundry, role, _number(plan, "generation"))

    return Ceremony("renew", {"role": role.value}, plan, do, makes_offline_keys=True)


def cross(name: str, above: str) -> Ceremony:
    """One generation's key certified by another, where a roll-over skipped one."""
    arguments = {"name": name, "above": above}

    def plan(foundry: Foundry) -> Plan:
        issuers = foundry.public_issuers()
        _require_crossable(foundry, issuers, name, above)
        checks.require_in_use(foundry, name)
        checks.require_signing(foundry, issuers, above)
        return arguments

    return Ceremony("cross", arguments, plan, lambda foundry, _: [steps.cross(foundry, name, above)])


def signers() -> Ceremony:
    """The next document signer and master list signer, and a master list."""

    def plan(foundry: Foundry) -> Plan:
        issuers = foundry.public_issuers()
        checks.require_profiles(foundry, [], checks.SERVICE_PROFILES)
        checks.require_signing(foundry, issuers, issuers.current(Role.CSCA).name)
        documents = DocumentSigners(foundry)
        return {kind: documents.next_number(kind) for kind in _SIGNERS}

    def do(foundry: Foundry, plan: Plan) -> list[Made]:
        return steps.state_signers(foundry, {kind: _number(plan, kind) for kind in _SIGNERS})

    return Ceremony("signers", {}, plan, do)


def crl() -> Ceremony:
    """New CRLs of the CAs off line, and nothing else."""
    return Ceremony("crl", {}, lambda _: {}, lambda _foundry, _plan: [])


def retire(name: str) -> Ceremony:
    """The end of a CA."""

    def plan(foundry: Foundry) -> Plan:
        issuers = foundry.public_issuers()
        authority = issuers[name]
        checks.require_in_use(foundry, name)
        steps.require_retirable(foundry, issuers, authority)
        return {"name": name}

    return Ceremony("retire", {"name": name}, plan, lambda foundry, _: steps.retire(foundry, name))


def _require_crossable(foundry: Foundry, issuers: Issuers, name: str, above: str) -> None:
    """Raises UnknownIssuerError, CeremonyPlanError."""
    _ = issuers[name], issuers[above]
    role = parse_issuer_name(name)[0]
    if role not in steps.LINKS or parse_issuer_name(above)[0] is not role or name == above:
        raise CeremonyPlanError("two generations of the root, or of the CSCA, certify one another")
    if f"{name}-by-{above}" in links_of(foundry.engine, issuers, role):
        raise CeremonyPlanError(f"{name}-by-{above} is there already")
    checks.require_profiles(foundry, [], (steps.LINKS[role],))


def _number(plan: Plan, key: str) -> int:
    value = plan[key]
    if not isinstance(value, int):
        raise CeremonyPlanError("the plan on record is not of this version")
    return value
