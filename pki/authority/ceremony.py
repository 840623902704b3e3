"""The first day: the root certifies itself and the citizen CA, by the same steps as every certificate."""

from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from pki.auditchain import append
from pki.authority.authority import Authority
from pki.authority.issuers import CITIZEN, ROOT, certified_ca, issuing_ca
from pki.authority.orders import make_order
from pki.clock import Clock
from pki.keys.signer import Signer
from pki.profiles.definitions import DEFINITIONS
from pki.profiles.extensions import PublicAddresses
from pki.profiles.names import encode_institution
from pki.profiles.profile import Profile
from pki.profiles.tbs import validity_from
from pki.store.models import AuditEntry, Issuer

ACTOR = "ceremony"
ROOT_SUBJECT = encode_institution("Hoviat Root CA G1")
CITIZEN_SUBJECT = encode_institution("Hoviat Citizen CA G1")
_ROOT_REQUEST = "ceremony-root-1"
_CITIZEN_REQUEST = "ceremony-citizen-1"


def hold_ceremony(
    engine: Engine, signers: Mapping[str, Signer], addresses: PublicAddresses, clock: Clock
) -> None:
    """Certifies both CAs; what an interrupted ceremony has done already stays."""
    _register_issuers(engine, clock)
    life = DEFINITIONS[Profile.ROOT_CA].life
    new_root = issuing_ca(ROOT, signers[ROOT], ROOT_SUBJECT, validity_from(clock(), life, None))
    root_order = make_order(
        _ROOT_REQUEST,
        Profile.ROOT_CA,
        issuer=ROOT,
        subject=ROOT_SUBJECT,
        key=signers[ROOT].public_key,
        on_hold=False,
        actor=ACTOR,
    )
    issued = Authority(engine, {ROOT: new_root}, addresses, clock).execute(root_order)
    root = certified_ca(ROOT, signers[ROOT], issued.der)
    citizen_order = make_order(
        _CITIZEN_REQUEST,
        Profile.ISSUING_CA,
        issuer=ROOT,
        subject=CITIZEN_SUBJECT,
        key=signers[CITIZEN].public_key,
        on_hold=False,
        actor=ACTOR,
    )
    Authority(engine, {ROOT: root}, addresses, clock).execute(citizen_order)


def ca_certificates(engine: Engine, addresses: PublicAddresses, clock: Clock) -> Mapping[str, bytes] | None:
    """Both CAs' certificates in DER by short name, or None before the ceremony was completed."""
    authority = Authority(engine, {}, addresses, clock)
    root, citizen = authority.certificate(_ROOT_REQUEST), authority.certificate(_CITIZEN_REQUEST)
    if root is None or citizen is None:
        return None
    return {ROOT: root.der, CITIZEN: citizen.der}


def _register_issuers(engine: Engine, clock: Clock) -> None:
    with Session(engine) as session, session.begin():
        for name in (ROOT, CITIZEN):
            if session.get(Issuer, name) is None:
                session.add(Issuer(name=name, status_version=0, crl_number=0))
                append(
                    session, AuditEntry, time=clock(), actor=ACTOR, action="issuer.registered", subject=name
                )
