"""Trust in others than our own hierarchy, for one purpose each: `HOME/anchors/<purpose>/`.

Whoever stands in `login/` is trusted for logins and not for signatures. What is not named there is not
trusted at all: our own roots are no part of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, unique
from pathlib import Path

from pki import oids
from pki.validation.anchors import AnchorSet, TrustAnchors
from pki.validation.certificate import Source
from pki.validation.evidence import NO_EVIDENCE, Evidence
from pki.validation.path import ValidatedPath, validate
from pki.validation.policy import PathPolicy, RevocationMode


@unique
class Purpose(Enum):
    """What a foreign anchor is trusted for. The values are the names of folders."""

    LOGIN = "login"
    SIGNATURE = "signature"


POLICIES: Mapping[Purpose, PathPolicy] = {
    Purpose.LOGIN: PathPolicy("digital_signature", oids.CLIENT_AUTH, revocation=RevocationMode.EITHER),
    Purpose.SIGNATURE: PathPolicy("content_commitment", revocation=RevocationMode.EITHER),
}
"""What is asked of a leaf where nothing else is; status is required."""


class ForeignTrust:
    """The foreign anchors of one home. Any thread may ask at any time; files count as soon as they change."""

    def __init__(self, folder: Path) -> None:
        self._folders = {purpose: TrustAnchors(folder / purpose.value) for purpose in Purpose}

    def current(self, purpose: Purpose) -> AnchorSet:
        """The anchors for this purpose now, and the CAs that help to find a path to them."""
        return self._folders[purpose].current()

    def faults(self) -> dict[str, str]:
        """`purpose/file` → why it is not used."""
        return {
            f"{purpose.value}/{name}": fault
            for purpose in Purpose
            for name, fault in self.current(purpose).faults.items()
        }

    def validate(
        self,
        purpose: Purpose,
        chain: Sequence[Source],
        at: datetime,
        evidence: Evidence = NO_EVIDENCE,
        policy: PathPolicy | None = None,
    ) -> ValidatedPath:
        """A path from `chain[0]` to an anchor for this purpose (see `pki.validation.validate`).

        :param policy: instead of the purpose's own
        Raises PathError: UntrustedIssuerError where no anchor for it stands above.
        """
        found = self.current(purpose)
        wanted = POLICIES[purpose] if policy is None else policy
        return validate([*chain, *found.intermediates], found.anchors, at, wanted, evidence)
