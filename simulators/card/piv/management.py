"""GENERAL AUTHENTICATE with 9B: the issuer proves itself (SP 800-73-5 part 2, appendix A.1)."""

import hmac
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from simulators.card import tlv
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.memory import CardMemory
from simulators.card.piv.identifiers import UNSPECIFIED_ALGORITHM, Algorithm, AuthTag
from simulators.card.piv.session import SecuritySession

BLOCK_LENGTH = 16  # AES
TRIPLE_DES_BLOCK_LENGTH = 8

_RANDOM_REQUEST = {AuthTag.CHALLENGE: b""}
_WITNESS_REQUEST = {AuthTag.WITNESS: b""}
_EXTERNAL = frozenset({AuthTag.RESPONSE})
_MUTUAL = frozenset({AuthTag.WITNESS, AuthTag.CHALLENGE})
_MUTUAL_WITH_PLACEHOLDER = frozenset({AuthTag.WITNESS, AuthTag.CHALLENGE, AuthTag.RESPONSE})

Template = dict[int, bytes]


class ManagementAuthentication:
    """The single challenge and the mutual protocol, both with the key's own algorithm.

    That is AES. Only a card that was made with a 3DES key, for a test, has another; no command brings one in.
    """

    def __init__(
        self, memory: CardMemory, session: SecuritySession, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._memory = memory
        self._session = session
        self._random_bytes = random_bytes

    def authenticate(self, command: Command, template: Template) -> bytes:
        """One step of either protocol; any step uses up what the step before prepared.

        :raises StatusError: 6982 (wrong key), 6985 (no step before), 6A80, 6A86 (not the key's algorithm)
        """
        if command.p1 == UNSPECIFIED_ALGORITHM and template == _RANDOM_REQUEST:
            # Some clients use this as a source of random bytes; it leaves a running authentication alone.
            return _answer(AuthTag.CHALLENGE, self._random_bytes(BLOCK_LENGTH))
        if command.p1 != self._memory.piv.management_key.algorithm:
            raise StatusError(SW.INCORRECT_P1_P2)
        challenge, witness = self._session.challenge, self._session.witness
        self._session.challenge = self._session.witness = None
        if template == _RANDOM_REQUEST:
            return self._give_challenge()
        if template == _WITNESS_REQUEST:
            return self._give_witness()
        if template.keys() == _EXTERNAL:
            return self._check_response(challenge, template)
        if template.keys() in (_MUTUAL, _MUTUAL_WITH_PLACEHOLDER):
            return self._check_witness(witness, template)
        raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)

    def _give_challenge(self) -> bytes:
        self._session.challenge = self._random_bytes(self._block_length)
        return _answer(AuthTag.CHALLENGE, self._session.challenge)

    def _give_witness(self) -> bytes:
        self._session.witness = self._random_bytes(self._block_length)
        return _answer(AuthTag.WITNESS, self._encrypt(self._session.witness))

    def _check_response(self, challenge: bytes | None, template: Template) -> bytes:
        if challenge is None:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        self._require_equal(self._encrypt(challenge), template[AuthTag.RESPONSE])
        self._session.issuer_authenticated = True
        return b""

    def _check_witness(self, witness: bytes | None, template: Template) -> bytes:
        if witness is None:
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        challenge = template[AuthTag.CHALLENGE]
        if len(challenge) != self._block_length or template.get(AuthTag.RESPONSE):
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        self._require_equal(witness, template[AuthTag.WITNESS])
        self._session.issuer_authenticated = True
        return _answer(AuthTag.RESPONSE, self._encrypt(challenge))

    def _require_equal(self, expected: bytes, given: bytes) -> None:
        if not hmac.compare_digest(expected, given):
            self._session.issuer_authenticated = False
            raise StatusError(SW.SECURITY_STATUS_NOT_SATISFIED)

    @property
    def _has_triple_des(self) -> bool:
        return self._memory.piv.management_key.algorithm == Algorithm.TRIPLE_DES

    @property
    def _block_length(self) -> int:
        return TRIPLE_DES_BLOCK_LENGTH if self._has_triple_des else BLOCK_LENGTH

    def _encrypt(self, block: bytes) -> bytes:
        # One block at a time, as the protocol has it (SP 800-73-5 part 2, appendix A.1).
        stored = self._memory.piv.management_key
        key = TripleDES(stored.value) if self._has_triple_des else algorithms.AES(stored.value)
        encryptor = Cipher(key, modes.ECB()).encryptor()  # noqa: S305 - a single block is no pattern
        return encryptor.update(block) + encryptor.finalize()


def _answer(tag: AuthTag, value: bytes) -> bytes:
    return tlv.encode(AuthTag.TEMPLATE, tlv.encode(tag, value))
