"""Making an operator's card: a key on a blank, its certificate, the holder's own PIN, the issuer's keys."""

from contextlib import closing

from cardio.piv.session import PivSession
from issuance.lifecycle.cards import card_number
from issuance.operators.accounts import Accounts
from issuance.operators.service import Actor
from issuance.production import personalisation
from issuance.production.cardsecrets import factory_secrets, issuer_secrets
from issuance.production.connection import Job, Readers, connect_for
from issuance.production.personalisation import KEY_PLANS, Proof
from issuance.production.work import CHALLENGE_BYTES, Workshop
from pki.authority.values import IssuedCertificate
from pki.profiles import Profile

_PLAN = next(plan for plan in KEY_PLANS if plan.profile is Profile.AUTHENTICATION)
"""Slot and kind of key: 9A, as on a citizen's card, so that the same software logs in."""


def make_card(
    shop: Workshop, accounts: Accounts, readers: Readers, actor: Actor, change_id: str, reader: str, pin: str
) -> IssuedCertificate:
    """Makes the card of a confirmed change out of the blank in the reader; `pin` is its holder's own.

    What is torn before the PIN is set is finished with another change; its certificate opens nothing without
    this card, and the body is spent in any case. Raises ChangeOverError, BodyUsedError, BodyNotInStockError,
    NotABlankError, ReadBackError, a CardError, TransportError or PkiError.
    """
    with (
        closing(connect_for(readers, reader, Job(actor.username))) as connection,
        connection.exclusive(),
    ):
        session = PivSession(connection, shop.links.policy(connection))
        serial = session.card_serial()
        number = card_number(serial)
        factory = factory_secrets(shop.master_keys["factory"], serial)
        issuer = issuer_secrets(shop.master_keys["card"], serial)
        personalisation.open_channel(session, [factory.channel_keys], number)
        personalisation.authenticate(session, factory, issuer, number, rotated=False)
        # From here on the body is this card's or waste; it was the factory's until the line before.
        accounts.take_body(actor, change_id, number)
        key = session.generate_key(_PLAN.slot, _PLAN.algorithm)
        csr = personalisation.sign_request(session, _PLAN, key, factory.pin, number)
        issued = accounts.issue_card(actor, change_id, csr)
        session.put_certificate(_PLAN.slot, issued.der)
        personalisation.read_back(session, {}, {_PLAN.slot: issued.der}, factory.pin)
        proof = Proof(_PLAN.slot, issued.der, shop.randomness(CHALLENGE_BYTES))
        personalisation.prove_keys(session, (proof,), factory.pin)
        session.set_management_key(issuer.management_key)
        personalisation.set_puk(session, factory.puk, issuer.puk)
        domain = personalisation.open_domain(connection, factory.channel_keys)
        personalisation.rotate_channel_keys(domain, issuer.channel_keys)
        personalisation.secure(domain)
        # Under the issuer's keys a PIN only gives way to another transport PIN; the holder sets their own.
        connection.reset()
        PivSession(connection).change_pin(factory.pin, pin)
        return issued
