"""One card of a profile, made on a blank as production makes them: the same functions in the same order.

What production keeps in its journal and database is missing here: a making that is torn is begun anew, with
another blank.
"""

import os
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from cardio.channel import EXTENDED_APDUS
from cardio.piv.session import PivSession
from cardio.piv.slots import Slot
from cardio.transport.base import CardConnection
from issuance.lifecycle.cards import card_number
from issuance.production import personalisation
from issuance.production.cardsecrets import CardSecrets, IssuerSecrets, factory_secrets, issuer_secrets
from issuance.production.personalisation import KeyPlan, Proof
from pki.authority.values import IssuedCertificate
from pki.keys.masterkeys import MasterKeys
from simulators.profiles.certifying import Certifier
from simulators.profiles.people import Holder
from simulators.profiles.shape import CardProfile, Status
from simulators.profiles.tampering import tamper

_CHALLENGE_BYTES = 32


@dataclass(frozen=True)
class Secrets:
    """What a body's serial gives, before production and after. Nothing of it shows in a repr."""

    factory: CardSecrets
    issuer: IssuerSecrets

    @classmethod
    def of(cls, master_keys: MasterKeys, serial: int) -> "Secrets":
        """Those of one body."""
        return cls(
            factory_secrets(master_keys["factory"], serial), issuer_secrets(master_keys["card"], serial)
        )


@dataclass(frozen=True)
class Making:
    """What one card is made of."""

    profile: CardProfile
    holder: Holder
    certifier: Certifier
    serial: int
    secrets: Secrets
    pin: str = field(repr=False)
    """The holder's own."""
    chance: random.Random

    @property
    def number(self) -> str:
        """The card number."""
        return card_number(self.serial)


def make(making: Making, connect: Callable[[], CardConnection]) -> dict[Slot, bytes]:
    """The finished card's certificates, by slot, as the authority issued them. Raises CardError, PkiError."""
    with closing(connect()) as connection:
        session = PivSession(connection, EXTENDED_APDUS)
        certificates = _personalise(making, session)
        _hand_to_issuer(making.secrets, session)
        domain = personalisation.open_domain(connection, making.secrets.factory.channel_keys)
        personalisation.rotate_channel_keys(domain, making.secrets.issuer.channel_keys)
        personalisation.secure(domain)
    if making.profile.status is not Status.UNDELIVERED:
        with closing(connect()) as connection:
            PivSession(connection).change_pin(making.secrets.issuer.transport_pin, making.pin)
    return certificates


def _personalise(making: Making, session: PivSession) -> dict[Slot, bytes]:
    factory, issuer = making.secrets.factory, making.secrets.issuer
    personalisation.open_channel(session, [factory.channel_keys], making.number)
    personalisation.authenticate(session, factory, issuer, making.number, rotated=False)
    issued = {plan.slot: _certified(making, session, plan) for plan in making.profile.keys}
    certificates = {slot: certificate.der for slot, certificate in issued.items()}
    objects = personalisation.card_objects(
        personalisation.Holder(
            latin_name=making.holder.latin_name,
            card_number=making.number,
            guid=personalisation.card_guid(making.certifier.run),
            expires=min(certificate.not_after for certificate in issued.values()).date(),
        )
    )
    for object_id, content in objects.items():
        session.put_object(object_id, content)
    for slot, der in certificates.items():
        session.put_certificate(slot, der)
    personalisation.read_back(session, objects, certificates, factory.pin)
    proofs = [Proof(slot, der, os.urandom(_CHALLENGE_BYTES)) for slot, der in certificates.items()]
    personalisation.prove_keys(session, proofs, factory.pin)
    tamper(session, making.profile, making.certifier, making.chance, objects)
    return certificates


def _certified(making: Making, session: PivSession, plan: KeyPlan) -> IssuedCertificate:
    key = session.generate_key(plan.slot, plan.algorithm)
    pin = making.secrets.factory.pin
    csr = personalisation.sign_request(session, plan, key, pin, making.number)
    return making.certifier.certify(plan, csr)


def _hand_to_issuer(secrets: Secrets, session: PivSession) -> None:
    session.set_management_key(secrets.issuer.management_key)
    personalisation.set_puk(session, secrets.factory.puk, secrets.issuer.puk)
    personalisation.set_transport_pin(session, secrets.factory.pin, secrets.issuer.transport_pin)
