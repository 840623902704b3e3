"""GENERAL AUTHENTICATE and GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 part 2, sections 3.2.4 and 3.3.2)."""

from collections.abc import Callable

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv import keys
from simulators.card.piv.identifiers import GENERATED_KEYS, Algorithm, AuthTag, ControlTag, KeyReference
from simulators.card.piv.management import ManagementAuthentication
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.state import StoredKey
from simulators.card.piv.verify import transport_pin_holds

_SIGN = frozenset({AuthTag.CHALLENGE, AuthTag.RESPONSE})
_AGREE = frozenset({AuthTag.EXPONENTIATION, AuthTag.RESPONSE})
_EXPONENT = keys.RSA_PUBLIC_EXPONENT.to_bytes(3, "big")


class KeyCommands:
    """Everything that uses or makes a key."""

    def __init__(
        self, memory: CardMemory, session: SecuritySession, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._memory = memory
        self._session = session
        self._management = ManagementAuthentication(memory, session, random_bytes)

    def authenticate(self, command: Command) -> bytes:
        """GENERAL AUTHENTICATE: authenticates the issuer (9B), signs, decrypts (RSA) or agrees (ECDH).

        :raises StatusError: 6982 (PIN wanted), 6985 (transport PIN), 6A80, 6A86, 6A88 (no such key)
        """
        template = tlv.parse_template(AuthTag.TEMPLATE, command.data)
        if command.p2 == KeyReference.MANAGEMENT:
            return self._management.authenticate(command, template)
        stored = self._key(command)
        self._require_right(command.p2)
        return tlv.encode(
            AuthTag.TEMPLATE,
            tlv.encode(AuthTag.RESPONSE, _use(stored, command.p2, template)),
        )

    def _key(self, command: Command) -> StoredKey:
        stored = self._memory.piv.private_keys.get(command.p2)
        if stored is None:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        if command.p1 != stored.algorithm:
            raise StatusError(SW.INCORRECT_P1_P2)
        return stored

    def _require_right(self, reference: int) -> None:
        """Part 1, table 5: 9C wants the PIN right before, 9E never, the others once a session."""
        if transport_pin_holds(self._memory.piv, self._session):
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        if reference == KeyReference.CARD_AUTHENTICATION:
            return
        if reference == KeyReference.SIGNATURE:
            allowed = self._session.signature_allowed
        else:
            allowed = self._session.pin_verified
        if not allowed:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)

    def generate(self, command: Command) -> bytes:
        """GENERATE ASYMMETRIC KEY PAIR: replaces the slot's key in one durable write; answers the public key.

        :raises StatusError: 6982 (the issuer must authenticate), 6A80, 6A86
        """
        if command.p1 or command.p2 not in GENERATED_KEYS:
            raise StatusError(SW.INCORRECT_P1_P2)
        if not self._session.issuer_authenticated:
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)
        stored, public_key = keys.generate(_requested_algorithm(command.data))
        self._memory.commit_piv(self._memory.piv.with_private_key(command.p2, stored))
        return public_key


def _use(stored: StoredKey, reference: int, template: dict[int, bytes]) -> bytes:
    if template.get(AuthTag.RESPONSE):  # 82 is empty: it asks for the response
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    if template.keys() == _SIGN:
        return keys.private_operation(stored, template[AuthTag.CHALLENGE])
    if template.keys() == _AGREE and reference == KeyReference.KEY_MANAGEMENT:
        return keys.agree(stored, template[AuthTag.EXPONENTIATION])
    raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)


def _requested_algorithm(data: bytes) -> Algorithm:
    template = tlv.parse_template(ControlTag.TEMPLATE, data)
    mechanism = template.pop(ControlTag.MECHANISM, b"")
    exponent = template.pop(ControlTag.PARAMETER, _EXPONENT)
    if len(mechanism) != 1 or mechanism[0] not in keys.ASYMMETRIC or exponent != _EXPONENT or template:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return Algorithm(mechanism[0])
