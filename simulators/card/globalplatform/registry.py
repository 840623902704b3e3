"""GET STATUS and SET STATUS (GPCS 11.4, 11.10): what is on the card, and the card's life cycle."""

from dataclasses import replace

from simulators.card import tlv
from simulators.card.globalplatform.identifiers import ISD_AID, RegistryScope, Tag
from simulators.card.iso7816 import SW, Command, StatusError
from simulators.card.lifecycle import LifeCycle, may_become
from simulators.card.memory import CardMemory

_TLV_FORMAT = 0x02  # P2 of GET STATUS, GPCS table 11-34; the older format is deprecated
_SELECTABLE = 0x07  # GPCS table 11-4
_ISD_PRIVILEGES = bytes.fromhex("9EFE80")  # GPCS 6.6.1: security domain, card lock and terminate, …
_NO_PRIVILEGES = bytes(3)


class Registry:
    """The security domain and the applications; `applications` are the AIDs of the latter."""

    def __init__(self, memory: CardMemory, applications: tuple[bytes, ...]) -> None:
        self._memory = memory
        self._applications = applications

    def get(self, command: Command) -> bytes:
        """GET STATUS: the entries of P1's scope whose AID begins with the one searched for.

        :raises StatusError: 6A86, 6A80, 6A88 (none)
        """
        if command.p2 != _TLV_FORMAT or command.p1 not in tuple(RegistryScope):
            raise StatusError(SW.INCORRECT_P1_P2)
        wanted = dict(tlv.parse(command.data)).get(Tag.AID)
        if wanted is None:
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        found = [_entry(*entry) for entry in self._entries(command.p1) if entry[0].startswith(wanted)]
        if not found:
            raise StatusError(SW.REFERENCE_DATA_NOT_FOUND)
        return b"".join(found)

    def _entries(self, scope: int) -> list[tuple[bytes, int, bytes]]:
        if scope == RegistryScope.ISSUER_SECURITY_DOMAIN:
            return [(ISD_AID, self._memory.state.life_cycle, _ISD_PRIVILEGES)]
        if scope == RegistryScope.APPLICATIONS:
            return [(aid, _SELECTABLE, _NO_PRIVILEGES) for aid in self._applications]
        return []

    def set(self, command: Command) -> bytes:
        """SET STATUS of the card itself, in one durable write; the same state again changes nothing.

        :raises StatusError: 6A86 (another scope than the card's), 6A80 (no such state), 6985 (no way there)
        """
        if command.p1 != RegistryScope.ISSUER_SECURITY_DOMAIN:
            raise StatusError(SW.INCORRECT_P1_P2)
        if command.p2 not in tuple(LifeCycle):
            raise StatusError(SW.INCORRECT_PARAMETERS_IN_DATA)
        state, wanted = self._memory.state, LifeCycle(command.p2)
        if wanted is state.life_cycle:
            return b""
        if not may_become(state.life_cycle, wanted):
            raise StatusError(SW.CONDITIONS_OF_USE_NOT_SATISFIED)
        self._memory.commit(replace(state, life_cycle=wanted))
        return b""


def _entry(aid: bytes, life_cycle: int, privileges: bytes) -> bytes:
    return tlv.encode(
        Tag.REGISTRY_ENTRY,
        tlv.encode(Tag.AID, aid)
        + tlv.encode(Tag.LIFE_CYCLE, bytes((life_cycle,)))
        + tlv.encode(Tag.PRIVILEGES, privileges),
    )
