"""GENERAL AUTHENTICATE and GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 part 2, sections 3.2.4 and 3.3.2)."""

from collections.abc import Callable

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.meter import KeyOperation
from simulators.card.piv import keys
from simulators.card.piv.access import require_issuer, require_replaceable
from simulators.card.piv.identifiers import (
    KEY_MANAGEMENT_KEYS,
    PRIVATE_KEYS,
    Algorithm,
    AuthTag,
    ControlTag,
    KeyReference,
)
from simulators.card.piv.management import ManagementAuthentication
from simulators.card.piv.policy import PinPolicy, take_pin_policy
from simulators.card.piv.session import SecuritySession
from simulators.card.piv.stored import PrivateKey, StoredKey
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

        :raises StatusError: 6982 (PIN wanted), 6983 (PIN and PUK blocked), 6985 (transport PIN), 6A80, 6A86,
            6A88 (no such key)
        """
        template = tlv.parse_template(AuthTag.TEMPLATE, command.data)
        if command.p2 == KeyReference.MANAGEMENT:
            return self._management.authenticate(command, template)
        private_key = self._key(command)
        self._require_right(private_key.pin_policy)
        return tlv.encode(
            AuthTag.TEMPLATE,
            tlv.encode(AuthTag.RESPONSE, self._use(private_key.key, command.p2, template)),
        )

    def _use(self, stored: StoredKey, reference: int, template: dict[int, bytes]) -> bytes:
        if template.get(AuthTag.RESPONSE):  # 82 is empty: it asks for the response
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        if template.keys() == _SIGN:
            self._memory.meter.works((KeyOperation.PRIVATE, stored.algorithm))
            return keys.private_operation(stored, template[AuthTag.CHALLENGE])
        may_agree = reference in KEY_MANAGEMENT_KEYS and keys.is_elliptic(stored.algorithm)
        if template.keys() == _AGREE and may_agree:
            self._memory.meter.works((KeyOperation.AGREE, stored.algorithm))
            return keys.agree(stored, template[AuthTag.EXPONENTIATION])
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)

    def _key(self, command: Command) -> PrivateKey:
        # The attestation key isn't used through this command: it signs only what the card itself says.
        private_key = self._memory.piv.private_keys.get(command.p2)
        if private_key is None or command.p2 not in PRIVATE_KEYS:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        if command.p1 != private_key.key.algorithm:
            raise StatusError(SW.INCORRECT_P1_P2)
        return private_key

    def _require_right(self, policy: PinPolicy) -> None:
        """Part 1, table 5: 9C wants the PIN right before, 9E never, the others once a session."""
        if self._memory.piv.is_blocked_for_good:
            raise StatusError(SW.AUTHENTICATION_METHOD_BLOCKED)
        if transport_pin_holds(self._memory.piv, self._session):
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        if not self._session.satisfies(policy):
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)

    def generate(self, command: Command) -> bytes:
        """GENERATE ASYMMETRIC KEY PAIR: replaces the slot's key in one durable write; answers the public key.

        :raises StatusError: 6982 (the issuer must authenticate), 6985 (the old certificate of an issued card
            is still there), 6A80, 6A86
        """
        if command.p1 or command.p2 not in PRIVATE_KEYS:
            raise StatusError(SW.INCORRECT_P1_P2)
        require_issuer(self._session)
        require_replaceable(self._memory.state.life_cycle, self._memory.piv, command.p2)
        algorithm, policy = _requested_key(command)
        self._memory.meter.works((KeyOperation.GENERATE, algorithm))
        stored, public_key = keys.generate(algorithm)
        self._memory.commit_piv(self._memory.piv.with_private_key(command.p2, stored, policy))
        return public_key


def _requested_key(command: Command) -> tuple[Algorithm, PinPolicy]:
    template = tlv.parse_template(ControlTag.TEMPLATE, command.data)
    mechanism = template.pop(ControlTag.MECHANISM, b"")
    exponent = template.pop(ControlTag.PARAMETER, _EXPONENT)
    policy = take_pin_policy(template, command.p2)
    if len(mechanism) != 1 or mechanism[0] not in keys.ASYMMETRIC or exponent != _EXPONENT or template:
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
    return Algorithm(mechanism[0]), policy
