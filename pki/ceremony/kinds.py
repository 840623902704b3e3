"""The kinds of ceremonies there are."""

from collections.abc import Mapping

from pki.ceremony import steps
from pki.ceremony.errors import CeremonyPlanError
from pki.ceremony.founding import Foundry
from pki.ceremony.holding import Ceremony, Plan
from pki.ceremony.made import Made
from pki.ceremony.plan import ANSWERING
from pki.cms.documents import DOCUMENT_SIGNER, MASTER_LIST_SIGNER, DocumentSigners
from pki.hierarchy import Role

ISSUING_ROLES: Mapping[str, Role] = {role.value: role for role in ANSWERING}
RENEWABLE_ROLES: Mapping[str, Role] = {role.value: role for role in (Role.ROOT, Role.CSCA)}


def found(shards: int) -> Ceremony:
    """A whole hierarchy in a new home."""

    def plan(foundry: Foundry) -> Plan:
        if list(foundry.issuers()):
            raise CeremonyPlanError("this home has a hierarchy already")
        return {"shards": shards}

    return Ceremony("found", {"shards": shards}, plan, lambda foundry, _: steps.found(foundry, shards))


def next_ca(role: Role, shards: int | None = None) -> Ceremony:
    """The next generation of an issuing CA; by default with as many partitions as the one before."""

    def plan(foundry: Foundry) -> Plan:
        before = foundry.issuers().current(role)
        count = before.shards if shards is None else shards
        return {"role": role.value, "generation": before.generation + 1, "shards": count}

    def do(foundry: Foundry, planned: Plan) -> list[Made]:
        return steps.add_ca(foundry, role, _number(planned, "generation"), _number(planned, "shards"))

    return Ceremony("ca", {"role": role.value, "shards": shards}, plan, do)


def renew(role: Role) -> Ceremony:
    """The next root or CSCA, with cross certificates or link."""

    def plan(foundry: Foundry) -> Plan:
        return {"role": role.value, "generation": foundry.issuers().current(role).generation + 1}

    def do(foundry: Foundry, planned: Plan) -> list[Made]:
        return steps.renew(foundry, role, _number(planned, "generation"))

    return Ceremony("renew", {"role": role.value}, plan, do)


def cross(name: str, above: str) -> Ceremony:
    """One generation's key certified by another, where a roll-over skipped one."""
    arguments = {"name": name, "above": above}

    def plan(foundry: Foundry) -> Plan:
        issuers = foundry.issuers()
        _ = issuers[name], issuers[above].signer
        return arguments

    return Ceremony("cross", arguments, plan, lambda foundry, _: [steps.cross(foundry, name, above)])


def signers() -> Ceremony:
    """The next document signer and master list signer, and a master list."""

    def plan(foundry: Foundry) -> Plan:
        documents = DocumentSigners(foundry)
        return {kind: documents.next_number(kind) for kind in (DOCUMENT_SIGNER, MASTER_LIST_SIGNER)}

    def do(foundry: Foundry, planned: Plan) -> list[Made]:
        return steps.state_signers(foundry, {kind: _number(planned, kind) for kind in planned})

    return Ceremony("signers", {}, plan, do)


def crl() -> Ceremony:
    """New CRLs of the CAs off line, and nothing else."""
    return Ceremony("crl", {}, lambda _: {}, lambda _foundry, _plan: [])


def retire(name: str) -> Ceremony:
    """The end of a CA."""

    def plan(foundry: Foundry) -> Plan:
        steps.require_retirable(foundry, foundry.issuers()[name])
        return {"name": name}

    return Ceremony("retire", {"name": name}, plan, lambda foundry, _: steps.retire(foundry, name))


def _number(plan: Plan, key: str) -> int:
    value = plan[key]
    if not isinstance(value, int):
        raise CeremonyPlanError("the plan on record is not of this version")
    return value
