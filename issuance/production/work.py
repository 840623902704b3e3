"""What a run works with, and the actions of its steps."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.requests import put_certificate, put_object
from cardio.piv.session import PivSession
from cardio.piv.slots import PublicKey, Slot
from issuance.audit import Audit
from issuance.database import Database
from issuance.enrolment.models import Application
from issuance.enrolment.repository import get_application, move
from issuance.errors import LiveCardError, NotFoundError
from issuance.identifiers import Randomness
from issuance.lifecycle.cards import get_card, live_card_of, move_card
from issuance.lifecycle.certificates import Certificates
from issuance.lifecycle.models import Card, CardCertificate
from issuance.lifecycle.states import ApplicationEvent, CardEvent, CardState
from issuance.offices.service import get_office
from issuance.production import personalisation
from issuance.production.cardsecrets import KEY_VERSION, CardSecrets, IssuerSecrets
from issuance.production.errors import BodyNotInStockError, BodyUsedError, ReadBackError
from issuance.production.journal import LEASE, Journal, get_production
from issuance.production.links import LinkMemory
from issuance.production.personalisation import KEY_PLANS, Holder, KeyPlan, Proof
from issuance.production.steps import ProductionState, Step
from issuance.provenance.recording import Making, enter_key
from issuance.stock.repository import Hand, find_body, lock_bodies
from issuance.stock.taking import Obstacle, obstacle, take_body
from pki.authority.values import CertificateRequest, IssuedCertificate, PersonSubject
from pki.clock import Clock
from pki.keys.masterkeys import MasterKeys
from pki.profiles import Profile

CHALLENGE_BYTES = 32
_KEY = "spki"
_ISSUERS_KEY = "issuer"
_FACTORYS_KEY = "factory"
_GENERATE_STEPS = (Step.GENERATE_AUTHENTICATION_KEY, Step.GENERATE_SIGNATURE_KEY)

PathCheck = Callable[[Profile, bytes, datetime], None]
"""Validates path and purpose of a certificate of that profile at a time; raises a PkiError."""


@dataclass(frozen=True)
class Workshop:
    """Everything that runs share."""

    database: Database
    audit: Audit
    certificates: Certificates
    check_path: PathCheck
    master_keys: MasterKeys
    """`factory` and `card`."""
    clock: Clock
    randomness: Randomness
    links: LinkMemory = field(default_factory=LinkMemory)
    lease: timedelta = LEASE
    """How long a run waits for the process that was at work on it and does not move any more."""


@dataclass(frozen=True)
class Order:
    """Whose card is made, for which application, by whom."""

    production_id: str
    application_id: str
    office: str
    actor: str
    subject: PersonSubject
    latin_name: str = field(repr=False)


@dataclass
class Work:
    """One attempt's card and order."""

    shop: Workshop
    order: Order
    journal: Journal
    session: PivSession = field(repr=False)
    card_number: str
    factory: CardSecrets
    issuer: IssuerSecrets
    domain: IssuerSecurityDomain | None = None
    """Open from the first step that needs it; then PIV's session is over."""


@dataclass(frozen=True)
class Outcome:
    """What a step yielded, and what is recorded in the same transaction as its end."""

    data: Mapping[str, str] = field(default_factory=dict)
    record: Callable[[Session], None] | None = None


def read_order(session: Session, production_id: str) -> Order:
    """The order of a run."""
    production = get_production(session, production_id)
    application = get_application(session, production.application_id)
    return Order(
        production_id=production_id,
        application_id=application.id,
        office=application.office,
        actor=production.started_by,
        subject=subject_of(application),
        latin_name=f"{application.latin_given_name} {application.latin_surname}".strip(),
    )


def subject_of(application: Application) -> PersonSubject:
    """The applicant, as certificates name them."""
    citizen = application.citizen
    return PersonSubject(citizen.national_code, citizen.given_name or None, citizen.surname)


def certificate_request(order: Order, plan: KeyPlan, csr: bytes) -> CertificateRequest:
    """The same request for each attempt of a run, so that the authority issues once."""
    return CertificateRequest(
        request_id=f"{order.production_id}-{plan.profile.value}",
        profile=plan.profile,
        subject=order.subject,
        csr=csr,
        actor=order.actor,
    )


def authenticate(work: Work) -> Outcome:
    """Opens a secure channel and, through it, the card, each with the key that it should have now."""
    candidates = [work.factory.channel_keys]
    if work.journal.was_begun(Step.ROTATE_CHANNEL_KEYS):
        candidates.insert(0, work.issuer.channel_keys)
    opened = personalisation.open_channel(work.session, candidates, work.card_number)
    work.shop.links.learn(work.session.channel)
    rotated = personalisation.authenticate(
        work.session,
        work.factory,
        work.issuer,
        work.card_number,
        rotated=work.journal.was_begun(Step.SET_MANAGEMENT_KEY),
    )
    return Outcome(
        {
            "key": _ISSUERS_KEY if rotated else _FACTORYS_KEY,
            "channel": _ISSUERS_KEY if opened is work.issuer.channel_keys else _FACTORYS_KEY,
        }
    )


def take_card(work: Work) -> Outcome:
    """Takes the body for this person: from here on it is theirs or waste."""
    order = work.order
    with work.shop.database.reading() as session:
        require_usable(session, order, work.card_number)
        if session.get(Card, work.card_number) is not None:
            raise BodyUsedError(work.card_number)
        if live_card_of(session, order.subject.national_code) is not None:
            raise LiveCardError
    return Outcome(record=lambda session: _insert_card(session, work))


def require_usable(session: Session, order: Order, number: str) -> None:
    """Raises BodyUsedError or BodyNotInStockError unless a card may be begun on that body for this order."""
    found = obstacle(find_body(session, number), order.office, order.application_id)
    if found is Obstacle.SPENT:
        raise BodyUsedError(number)
    if found is not None:
        raise BodyNotInStockError(number, found.value)


def _insert_card(session: Session, work: Work) -> None:
    order = work.order
    _spend_body(session, work)
    card = Card(
        card_number=work.card_number,
        national_code=order.subject.national_code,
        application_id=order.application_id,
        state=CardState.IN_PRODUCTION.value,
        guid=personalisation.card_guid(order.production_id).hex,
        key_version=KEY_VERSION,
        taken_at=work.shop.clock(),
    )
    session.add(card)
    try:
        session.flush()
    except IntegrityError as error:  # taken meanwhile in another process
        raise BodyUsedError(work.card_number) from error
    get_production(session, order.production_id).card_number = work.card_number
    work.shop.audit.record(session, order.actor, "card.taken", f"card:{work.card_number}")


def _spend_body(session: Session, work: Work) -> None:
    """In the transaction in which the body becomes this person's: whatever comes of it, it is spent."""
    try:
        lock_bodies(session, [work.card_number])
    except NotFoundError:
        raise BodyNotInStockError(work.card_number, Obstacle.UNKNOWN.value) from None
    require_usable(session, work.order, work.card_number)
    take_body(session, work.card_number, Hand(work.order.actor, work.shop.clock(), _reason(work.order)))


def _reason(order: Order) -> str:
    return f"production {order.production_id}"


def generate(step: Step) -> Callable[[Work], Outcome]:
    """The action that makes the step's key on the card."""
    plan = KEY_PLANS[_GENERATE_STEPS.index(step)]

    def action(work: Work) -> Outcome:
        key = work.session.generate_key(plan.slot, plan.algorithm)
        return Outcome({_KEY: _text(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))})

    return action


def sign_requests(work: Work) -> Outcome:
    """Lets the card sign the certification requests; ECDSA is random, so they are kept for later attempts."""
    return Outcome(
        {
            plan.profile.value: _text(
                personalisation.sign_request(
                    work.session, plan, _generated_key(work, step), work.factory.pin, work.card_number
                )
            )
            for plan, step in zip(KEY_PLANS, _GENERATE_STEPS, strict=True)
        }
    )


def issue_certificates(work: Work) -> Outcome:
    """Gets the certificates, on hold, and checks key and path before anything trusts them."""
    issued = {plan: _issue(work, plan) for plan in KEY_PLANS}

    def record(session: Session) -> None:
        session.add_all(certificate_row(work.card_number, certificate) for certificate in issued.values())
        session.flush()
        reader = get_production(session, work.order.production_id).reader
        for plan, step in zip(KEY_PLANS, _GENERATE_STEPS, strict=True):
            making = Making(plan.slot, work.order.office, reader, work.journal.done_at(session, step))
            enter_key(session, work.card_number, issued[plan], making)

    return Outcome(record=record)


def write_objects(work: Work) -> Outcome:
    """Writes CHUID, CCC and printed information."""
    objects = personalisation.card_objects(_holder(work))
    work.session.perform_all([put_object(object_id, content) for object_id, content in objects.items()])
    return Outcome()


def write_certificates(work: Work) -> Outcome:
    """Writes the certificates."""
    work.session.perform_all([put_certificate(slot, der) for slot, der in _certificates(work).items()])
    return Outcome()


def read_back(work: Work) -> Outcome:
    """Reads everything back and compares it."""
    objects = personalisation.card_objects(_holder(work))
    personalisation.read_back(work.session, objects, _certificates(work), work.factory.pin)
    return Outcome()


def prove_keys(work: Work) -> Outcome:
    """Lets each key sign a challenge, checked with the certificate that the card gives back."""
    certificates = _certificates(work)
    proofs = [Proof(slot, der, work.shop.randomness(CHALLENGE_BYTES)) for slot, der in certificates.items()]
    personalisation.prove_keys(work.session, proofs, work.factory.pin)
    for plan in KEY_PLANS:
        work.shop.check_path(plan.profile, certificates[plan.slot], work.shop.clock())
    return Outcome()


def set_management_key(work: Work) -> Outcome:
    """Replaces the factory's management key, unless the card was opened with the issuer's."""
    opened = work.journal.result(Step.AUTHENTICATE) or {}
    if opened.get("key") != _ISSUERS_KEY:
        work.session.set_management_key(work.issuer.management_key)
    return Outcome()


def set_puk(work: Work) -> Outcome:
    """Replaces the factory's PUK."""
    personalisation.set_puk(work.session, work.factory.puk, work.issuer.puk)
    return Outcome()


def set_transport_pin(work: Work) -> Outcome:
    """Sets the transport PIN."""
    personalisation.set_transport_pin(work.session, work.factory.pin, work.issuer.transport_pin)
    return Outcome()


def rotate_channel_keys(work: Work) -> Outcome:
    """Replaces the factory's channel keys, unless the channel was opened with the issuer's."""
    opened = work.journal.result(Step.AUTHENTICATE) or {}
    if opened.get("channel") != _ISSUERS_KEY:
        personalisation.rotate_channel_keys(
            _domain(work, work.factory.channel_keys), work.issuer.channel_keys
        )
    return Outcome()


def _domain(work: Work, keys: KeySet) -> IssuerSecurityDomain:
    """The security domain's session of this attempt, opened by whichever step comes first."""
    if work.domain is None:
        work.domain = personalisation.open_domain(work.session.channel.connection, keys)
    return work.domain


def secure_card(work: Work) -> Outcome:
    """Ends the card's time with its issuer; with that it is produced."""
    personalisation.secure(_domain(work, work.issuer.channel_keys))
    return Outcome(record=lambda session: _finish(session, work))


def _finish(session: Session, work: Work) -> None:
    now = work.shop.clock()
    card = get_card(session, work.card_number)
    move_card(card, CardEvent.FINISH)
    card.produced_at = now
    production = get_production(session, work.order.production_id)
    production.state, production.finished_at = ProductionState.PRODUCED.value, now
    production.failure_kind = production.failure_detail = None
    inspects = get_office(session, work.order.office).inspects
    finished = ApplicationEvent.AWAIT_INSPECTION if inspects else ApplicationEvent.FINISH_PRODUCTION
    move(card.application, finished)
    work.shop.audit.record(session, work.order.actor, "card.produced", f"card:{work.card_number}")


ACTIONS: Mapping[Step, Callable[[Work], Outcome]] = {
    Step.AUTHENTICATE: authenticate,
    Step.TAKE_CARD: take_card,
    Step.GENERATE_AUTHENTICATION_KEY: generate(Step.GENERATE_AUTHENTICATION_KEY),
    Step.GENERATE_SIGNATURE_KEY: generate(Step.GENERATE_SIGNATURE_KEY),
    Step.SIGN_REQUESTS: sign_requests,
    Step.ISSUE_CERTIFICATES: issue_certificates,
    Step.WRITE_OBJECTS: write_objects,
    Step.WRITE_CERTIFICATES: write_certificates,
    Step.READ_BACK: read_back,
    Step.PROVE_KEYS: prove_keys,
    Step.SET_MANAGEMENT_KEY: set_management_key,
    Step.SET_PUK: set_puk,
    Step.SET_TRANSPORT_PIN: set_transport_pin,
    Step.ROTATE_CHANNEL_KEYS: rotate_channel_keys,
    Step.SECURE_CARD: secure_card,
}
"""Every step after the card is identified, in order."""


def _issue(work: Work, plan: KeyPlan) -> IssuedCertificate:
    requests = work.journal.result(Step.SIGN_REQUESTS) or {}
    csr = base64.b64decode(requests[plan.profile.value])
    return issue(work.shop, certificate_request(work.order, plan, csr))


def issue(shop: Workshop, request: CertificateRequest) -> IssuedCertificate:
    """The request's certificate. Raises ReadBackError if it is of another key, or what the authority says."""
    issued = shop.certificates.issue(request)
    requested = x509.load_der_x509_csr(request.csr).public_key()
    if x509.load_der_x509_certificate(issued.der).public_key() != requested:
        raise ReadBackError("key")
    return issued


def certificate_row(number: str, issued: IssuedCertificate) -> CardCertificate:
    """A certificate as the registry keeps it."""
    return CardCertificate(
        serial=f"{issued.serial:x}",
        card_number=number,
        profile=issued.profile.value,
        der=issued.der,
        not_after=issued.not_after,
    )


def _rows(work: Work) -> list[CardCertificate]:
    query = select(CardCertificate).where(CardCertificate.card_number == work.card_number)
    with work.shop.database.reading() as session:
        return list(session.scalars(query))


def _certificates(work: Work) -> dict[Slot, bytes]:
    by_profile = {Profile(row.profile): row.der for row in _rows(work)}
    return {plan.slot: by_profile[plan.profile] for plan in KEY_PLANS}


def _holder(work: Work) -> Holder:
    return Holder(
        latin_name=work.order.latin_name,
        card_number=work.card_number,
        guid=personalisation.card_guid(work.order.production_id),
        expires=min(row.not_after for row in _rows(work)).date(),
    )


def _generated_key(work: Work, step: Step) -> PublicKey:
    generated = work.journal.result(step) or {}
    key = load_der_public_key(base64.b64decode(generated[_KEY]))
    if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
        raise ReadBackError("key")
    return key


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
