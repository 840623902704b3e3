"""What is done to one card, step by step. No database here: plain values in, plain values out.

Every function may be called again after a torn run; those that change a secret find out what the card holds.
"""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm

from cardio.errors import InvalidPinError, InvalidPukError, ManagementKeyError
from cardio.globalplatform.errors import (
    CardCryptogramError,
    KeySetNotFoundError,
    UnsupportedSecureChannelError,
)
from cardio.globalplatform.handshake import open_secure_channel
from cardio.globalplatform.keys import KeySet
from cardio.globalplatform.putkey import ADD_KEYS
from cardio.globalplatform.registry import CardLifeCycle
from cardio.globalplatform.scp03 import SecurityLevel
from cardio.globalplatform.session import IssuerSecurityDomain
from cardio.piv.objects import Ccc, Chuid, ObjectId, PrintedInformation, encode_certificate
from cardio.piv.requests import Request, get_object, sign, verify_pin
from cardio.piv.session import PivSession
from cardio.piv.signer import PivSigner
from cardio.piv.slots import Algorithm, PublicKey, Slot
from cardio.transport.base import CardConnection
from issuance.production.cardsecrets import CardSecrets, IssuerSecrets
from issuance.production.errors import NotABlankError, ReadBackError
from pki.pkcs10 import create_csr
from pki.profiles import Profile

_GUID_NAMESPACE = uuid.UUID("6f1b0f0e-6c53-5d6e-9c0a-3a4f8d1f2b77")
"""Ours: a GUID is the name-based UUID (RFC 9562 §5.5) of the production run."""
_GSC_RID = bytes.fromhex("A000000116")  # NISTIR 6887 §6.1: the registered identifier a CCC begins with
_MANUFACTURER, _CARD_TYPE = b"\xff", b"\x02"  # SP 800-73-5 part 1 §3.1.1: type 02 is a Java Card
_CARD_IDENTIFIER_BYTES = 14
_AFFILIATION = "CITIZEN"
_ISSUER = "HOVIAT"
_MAX_PRINTED_NAME = 125


CHANNEL_LEVEL = SecurityLevel.C_DECRYPTION_C_MAC_R_MAC
"""What is said to the card is encrypted and authentic, and so are its answers authentic."""
_WAY_TO_SECURED: Mapping[CardLifeCycle, tuple[CardLifeCycle, ...]] = {
    CardLifeCycle.OP_READY: (CardLifeCycle.INITIALIZED, CardLifeCycle.SECURED),
    CardLifeCycle.INITIALIZED: (CardLifeCycle.SECURED,),
    CardLifeCycle.SECURED: (),
    CardLifeCycle.CARD_LOCKED: (CardLifeCycle.SECURED,),
    CardLifeCycle.TERMINATED: (CardLifeCycle.SECURED,),  # the card says what it thinks of that
}


@dataclass(frozen=True)
class KeyPlan:
    """One key of the card: where it lives, what it is, what it is certified for."""

    slot: Slot
    algorithm: Algorithm
    profile: Profile


KEY_PLANS = (
    KeyPlan(Slot.AUTHENTICATION, Algorithm.ECC_P256, Profile.AUTHENTICATION),
    KeyPlan(Slot.SIGNATURE, Algorithm.ECC_P384, Profile.SIGNATURE),
)
"""P-256 where it must be quick, P-384 where it must last."""


@dataclass(frozen=True)
class Holder:
    """What the card's objects say of person and body."""

    latin_name: str
    card_number: str
    guid: uuid.UUID
    expires: date


def card_guid(production_id: str) -> uuid.UUID:
    """The GUID of the card that a run makes: the same for each of its attempts, new for each run."""
    return uuid.uuid5(_GUID_NAMESPACE, production_id)


def authenticate(
    session: PivSession, factory: CardSecrets, issuer: IssuerSecrets, card_number: str, *, rotated: bool
) -> bool:
    """Opens the card with the management key; `rotated` says that the issuer's may be set already.

    Returns whether it is. Raises NotABlankError if neither key opens it.
    """
    if rotated and _opens(session, issuer.management_key):
        return True
    if _opens(session, factory.management_key):
        return False
    raise NotABlankError(card_number)


def open_channel(session: PivSession, candidates: Sequence[KeySet], card_number: str) -> KeySet:
    """As `first_channel`. Raises NotABlankError if the card has none of them."""
    opened = first_channel(session, candidates)
    if opened is None:
        raise NotABlankError(card_number)
    return opened


def first_channel(session: PivSession, candidates: Sequence[KeySet]) -> KeySet | None:
    """Opens the secure channel with the first of these key sets that the card has, and returns that.

    The card proves its keys first, so that another set costs none of its tries.
    """
    for keys in candidates:
        with suppress(CardCryptogramError, KeySetNotFoundError, UnsupportedSecureChannelError):
            open_secure_channel(session.channel, keys, CHANNEL_LEVEL)
            return keys
    return None


def open_domain(connection: CardConnection, keys: KeySet) -> IssuerSecurityDomain:
    """The security domain, with a channel opened by these keys."""
    domain = IssuerSecurityDomain(connection)
    domain.authenticate(keys, CHANNEL_LEVEL)
    return domain


def rotate_channel_keys(domain: IssuerSecurityDomain, new: KeySet, replaced: int = ADD_KEYS) -> None:
    """Puts new channel keys in the place of version `replaced`, or of the factory's; the channel stays open.

    The card proves by their check values, under R-MAC, which keys it took. Raises ReadBackError if it keeps
    others beside them.
    """
    domain.put_key_set(new, replaced)
    if domain.key_versions() != {new.version}:
        raise ReadBackError("channel key")


def secure(domain: IssuerSecurityDomain) -> None:
    """Takes the card to SECURED, where no key can be brought in from outside; again is no harm."""
    state = domain.card_life_cycle()
    for following in _WAY_TO_SECURED[state]:
        domain.set_card_life_cycle(following)


def _opens(session: PivSession, key: bytes) -> bool:
    try:
        session.authenticate_management(key)
    except ManagementKeyError:
        return False
    return True


def sign_request(session: PivSession, plan: KeyPlan, key: PublicKey, pin: str, name: str) -> bytes:
    """A certification request signed by the card: it proves that the key it named is really in it."""
    return create_csr(PivSigner(session, plan.slot, key, pin), name)


def card_objects(holder: Holder) -> dict[ObjectId, bytes]:
    """The data objects beside the certificates."""
    identifier = holder.card_number.encode().rjust(_CARD_IDENTIFIER_BYTES, b"\x00")
    return {
        ObjectId.CHUID: Chuid(guid=holder.guid, expires=holder.expires).encode(),
        ObjectId.CARD_CAPABILITY_CONTAINER: Ccc(_GSC_RID + _MANUFACTURER + _CARD_TYPE + identifier).encode(),
        ObjectId.PRINTED_INFORMATION: PrintedInformation(
            name=holder.latin_name[:_MAX_PRINTED_NAME],
            affiliation=_AFFILIATION,
            expires=holder.expires,
            card_serial=holder.card_number,
            issuer=_ISSUER,
        ).encode(),
    }


def read_back(
    session: PivSession, objects: dict[ObjectId, bytes], certificates: dict[Slot, bytes], pin: str
) -> None:
    """Raises ReadBackError unless the card holds exactly what was written."""
    written = objects | {
        slot.certificate_object: encode_certificate(der) for slot, der in certificates.items()
    }
    reading = [get_object(object_id) for object_id in written]
    _, *read = session.perform_all([verify_pin(pin), *reading])  # printed information takes the PIN
    for (object_id, expected), found in zip(written.items(), read, strict=True):
        if found != expected:
            raise ReadBackError(object_id.title)


@dataclass(frozen=True)
class Proof:
    """A certificate that is on the card, and what its key has to sign."""

    slot: Slot
    certificate: bytes
    challenge: bytes

    @property
    def key(self) -> PublicKey:
        """The certified key. Raises ReadBackError for one of no kind that cards have."""
        key = x509.load_der_x509_certificate(self.certificate).public_key()
        if not isinstance(key, (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)):
            raise ReadBackError(self.slot.certificate_object.title)
        return key

    def request(self) -> Request[bytes]:
        """What the card is asked."""
        return sign(self.slot, self.key, self.challenge, hash_for(self.key))

    def check(self, signature: bytes) -> None:
        """Raises ReadBackError unless it is the certified key's."""
        try:
            check_signature(self.key, signature, self.challenge, hash_for(self.key))
        except InvalidSignature:
            raise ReadBackError("key") from None


def prove_keys(session: PivSession, proofs: Sequence[Proof], pin: str) -> None:
    """Raises ReadBackError unless each slot's key is the one in its certificate.

    Key and certificate are written by two commands; only a signature shows that they belong together.
    """
    requests: list[Request[bytes | None]] = []
    for proof in proofs:
        requests += [verify_pin(pin), proof.request()]
    signatures = session.perform_all(requests)[1::2]
    for proof, signature in zip(proofs, signatures, strict=True):
        proof.check(signature or b"")


def hash_for(key: PublicKey) -> HashAlgorithm:
    """SHA-384 for P-384 keys, SHA-256 for all others (SP 800-78-5 table 8)."""
    wide = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP384R1)
    return SHA384() if wide else SHA256()


def check_signature(key: PublicKey, signature: bytes, message: bytes, algorithm: HashAlgorithm) -> None:
    """Raises cryptography's InvalidSignature."""
    if isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(algorithm))
    else:
        key.verify(signature, message, padding.PKCS1v15(), algorithm)


def set_puk(session: PivSession, factory_puk: str, issuer_puk: str) -> None:
    """Replaces the factory's PUK. If it was replaced before, the wrong try is given back by the right one."""
    try:
        session.change_puk(factory_puk, issuer_puk)
    except InvalidPukError:
        session.change_puk(issuer_puk, issuer_puk)


def set_transport_pin(session: PivSession, factory_pin: str, transport_pin: str) -> None:
    """Replaces the factory's PIN by the transport PIN, or makes sure that this was done."""
    try:
        session.change_pin(factory_pin, transport_pin)
    except InvalidPinError:
        session.verify_pin(transport_pin)
