"""Holding a ceremony: begun on record, its steps, its signed transcript; interrupted anywhere, it goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pki.auditchain import Json
from pki.authority.issuers import IssuingCa
from pki.ceremony import record, steps
from pki.ceremony.custody import Vault
from pki.ceremony.errors import CeremonyPlanError
from pki.ceremony.founding import Foundry
from pki.ceremony.made import Made
from pki.ceremony.officers import actor_of
from pki.ceremony.record import OpenCeremony, SignedTranscript
from pki.ceremony.transcript import compose
from pki.hierarchy import Role

Plan = Mapping[str, Json]
Steps = Callable[[Foundry, Plan], list[Made]]


@dataclass(frozen=True)
class Ceremony:
    """One kind of ceremony: what it is asked for, what that means now, and what it then does."""

    kind: str
    arguments: Plan
    make_plan: Callable[[Foundry], Plan]
    steps: Steps


def hold(foundry: Foundry, ceremony: Ceremony) -> SignedTranscript:
    """Holds it, or goes on with it, in the presence of the officers who opened the foundry's vault.

    Raises CeremonyError, IssuerError, KeyStoreError…; then the same call goes on once the cause is gone.
    """
    vault = _vault_of(foundry)
    attended = replace(foundry, actor=actor_of(vault.present))
    opened = record.begin(
        attended.engine,
        ceremony.kind,
        ceremony.arguments,
        lambda: ceremony.make_plan(attended),
        attended.actor,
        attended.clock(),
    )
    results = ceremony.steps(attended, opened.plan)
    results += steps.publish_crls(attended, steps.offline_names(attended))
    return _close(attended, opened, steps.certificates_of(results))


def abandon(foundry: Foundry) -> SignedTranscript:
    """Ends an interrupted ceremony that can't go on; its transcript says so, and what it had done by then.

    What was certified stays certified, and is on record; the next ceremony starts from there.
    """
    vault = _vault_of(foundry)
    attended = replace(foundry, actor=actor_of(vault.present))
    opened = record.open_ceremony(attended.engine)
    if opened is None:
        raise CeremonyPlanError("no ceremony was interrupted")
    return _close(attended, opened, record.done_since(attended.engine, opened.before), abandoned=True)


def _vault_of(foundry: Foundry) -> Vault:
    if foundry.vault is None:
        raise CeremonyPlanError("a ceremony needs the off-line folder and its officers")
    return foundry.vault


def _close(
    foundry: Foundry, opened: OpenCeremony, created: Sequence[Plan], *, abandoned: bool = False
) -> SignedTranscript:
    root = _signing_root(foundry, opened)
    now = foundry.clock()
    after = record.audit_end(foundry.engine)
    vault = _vault_of(foundry)
    transcript = compose(opened, vault, created, after, root, now, abandoned=abandoned)
    record.close(foundry.engine, transcript, foundry.actor, now)
    return transcript


def _signing_root(foundry: Foundry, opened: OpenCeremony) -> IssuingCa:
    """The newest root; a new one is vouched for by the one before it, which who verifies trusts already."""
    roots = [ca for ca in foundry.issuers().generations(Role.ROOT) if ca.key is not None]
    made_now = opened.plan.get("generation") if opened.plan.get("role") == Role.ROOT.value else None
    older = [ca for ca in roots if ca.generation != made_now]
    if not (older or roots):
        raise CeremonyPlanError("this folder holds the key of no root that could sign the transcript")
    return (older or roots)[0]
