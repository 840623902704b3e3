"""The certificates that everyone may fetch: CAs, cross certificates and links. Never a citizen's."""

import logging
from collections.abc import Mapping
from itertools import permutations

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from pki.authority.issuers import Issuers, IssuingCa
from pki.authority.issuerseal import require_certificate
from pki.errors import IssuerAlteredError
from pki.hierarchy import Role
from pki.profiles.profile import Profile
from pki.store.database import read_only
from pki.store.models import CertificateBody, CertificateRow

_LOG = logging.getLogger(__name__)
_CROSSED = (Role.ROOT, Role.CSCA)
_CROSSING = (Profile.CROSS_CA.value, Profile.CSCA_LINK.value)


def cross_request_id(name: str, above: str) -> str:
    """The request under which the key of CA `name` is certified by the CA `above`."""
    return f"cross-{name}-{above}"


def links_of(engine: Engine, issuers: Issuers, *roles: Role) -> dict[str, bytes]:
    """Cross certificates and links between these roles' generations: `root-g2-by-root-g1` → DER.

    Each is for one's key and verifies under the other's: what the table holds beside such is left out.
    """
    wanted = {
        cross_request_id(one.name, other.name): (one, other)
        for role in roles
        for one, other in permutations(issuers.generations(role), 2)
    }
    query = (
        select(CertificateRow.request_id, CertificateBody.der)
        .join(CertificateBody, CertificateBody.serial == CertificateRow.serial)
        .where(CertificateRow.request_id.in_(wanted), CertificateRow.profile.in_(_CROSSING))
    )
    with Session(read_only(engine)) as session, session.begin():
        found = {row.request_id: row.der for row in session.execute(query)}
    return {
        f"{one.name}-by-{other.name}": found[request_id]
        for request_id, (one, other) in wanted.items()
        if request_id in found and _links(found[request_id], one, other)
    }


def _links(der: bytes, one: IssuingCa, other: IssuingCa) -> bool:
    try:
        require_certificate(der, one.name, one.facts.subject, one.spki, [other.certificate or b""])
    except IssuerAlteredError as error:
        _LOG.error("a cross certificate is not used: %s", error)
        return False
    return True


def published_certificates(engine: Engine, issuers: Issuers) -> Mapping[str, bytes]:
    """All that stand under /pki/ca/NAME.cer, DER by name: the CAs first."""
    own = {ca.name: ca.certificate for ca in issuers if ca.certificate is not None}
    return {**own, **links_of(engine, issuers, *_CROSSED)}
