"""Holding a ceremony: begun on record, its steps, its signed transcript; interrupted anywhere, it goes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pki.auditchain import Json
from pki.authority.issuers import Issuers, IssuingCa
from pki.ceremony import checks, record, steps
from pki.ceremony.custody import Vault
from pki.ceremony.errors import CeremonyPlanError, CustodyError
from pki.ceremony.founding import Foundry
from pki.ceremony.made import Made
from pki.ceremony.officers import actor_of
from pki.ceremony.record import OpenCeremony, SignedTranscript
from pki.ceremony.transcript import compose
from pki.hierarchy import Role

Plan = Mapping[str, Json]
Steps = Callable[[Foundry, Plan], list[Made]]
_NO_ROOT = "this folder holds the key of no root that could sign the transcript"


@dataclass(frozen=True)
class Ceremony:
    """One kind of ceremony: what it is asked for, what that means now, and what it then does."""

    kind: str
    arguments: Plan
    make_plan: Callable[[Foundry], Plan]
    """Needs no key and writes nothing; raises whatever can be known to fail."""
    steps: Steps
    makes_offline_keys: bool = False


def hold(foundry: Foundry, ceremony: Ceremony) -> SignedTranscript:
    """Holds it, or goes on with it, in the presence of the officers who opened the foundry's vault.

    What can be known to fail is refused before anything is on record. Raises CeremonyError, IssuerError,
    KeyStoreError…; where it had begun, the same call goes on once the cause is gone.
    """
    vault = _vault_of(foundry)
    attended = replace(foundry, actor=actor_of(vault.present))
    _require_keys(attended, ceremony, vault)
    opened = record.begin(
        attended.engine,
        ceremony.kind,
        ceremony.arguments,
        lambda: {**ceremony.make_plan(attended), record.FOLDER: vault.custody.check},
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


def _require_keys(foundry: Foundry, ceremony: Ceremony, vault: Vault) -> None:
    """The folder is the right one, and its keys open. Raises CeremonyError, KeyStoreError."""
    opened = record.open_ceremony(foundry.engine)
    if opened is not None and opened.plan.get(record.FOLDER, vault.custody.check) != vault.custody.check:
        raise CustodyError(vault.folder, f"is not the folder that ceremony {opened.number} began with")
    issuers = checks.require_own_folder(foundry, vault, record.folders(foundry.engine))
    if list(issuers) and not _keys_of_roots(issuers):
        raise CeremonyPlanError(_NO_ROOT)
    if ceremony.makes_offline_keys:
        vault.require_room()


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
    roots = _keys_of_roots(foundry.issuers())
    made_now = opened.plan.get("generation") if opened.plan.get("role") == Role.ROOT.value else None
    older = [ca for ca in roots if ca.generation != made_now]
    if not (older or roots):
        raise CeremonyPlanError(_NO_ROOT)
    return (older or roots)[0]


def _keys_of_roots(issuers: Issuers) -> list[IssuingCa]:
    return [ca for ca in issuers.generations(Role.ROOT) if ca.key is not None]
