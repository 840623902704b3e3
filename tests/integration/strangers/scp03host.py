"""A host of strangers' making: yubikit rotates the keys of the card's security domain.

`python -m tests.integration.strangers.scp03host READER`, with the factory's keys in hexadecimal on standard
input. A process of its own, for the library opens PC/SC itself.
"""

import secrets
import sys

from ykman.pcsc import list_devices
from yubikit.core.smartcard import SmartCardConnection
from yubikit.core.smartcard.scp import KeyRef, Scp03KeyParams, ScpKid, StaticKeys
from yubikit.piv import PivSession
from yubikit.securitydomain import SecurityDomainSession

FACTORY, FIRST, SECOND = 0xFF, 0x02, 0x03
KEY_LENGTH = 16


def _params(version: int, keys: StaticKeys) -> Scp03KeyParams:
    return Scp03KeyParams(KeyRef(ScpKid.SCP03, version), keys)


def _versions(domain: SecurityDomainSession) -> set[int]:
    return {reference.kvn for reference in domain.get_key_information()}


def _new_keys() -> StaticKeys:
    return StaticKeys(*(secrets.token_bytes(KEY_LENGTH) for _ in range(3)))


def rotate(connection: SmartCardConnection, factory: StaticKeys) -> None:
    """Factory's keys, first set, second set; the first is deleted, and PIV opened with the second."""
    first, second = _new_keys(), _new_keys()
    domain = SecurityDomainSession(connection)
    assert domain.get_card_recognition_data()
    assert _versions(domain) == {FACTORY}
    domain.authenticate(_params(FACTORY, factory))
    domain.put_key(KeyRef(ScpKid.SCP03, FIRST), first)
    domain = SecurityDomainSession(connection)
    assert _versions(domain) == {FIRST}, "the factory's keys stay"
    domain.authenticate(_params(FIRST, first))
    domain.put_key(KeyRef(ScpKid.SCP03, SECOND), second)
    domain = SecurityDomainSession(connection)
    domain.authenticate(_params(SECOND, second))
    domain.delete_key(kvn=FIRST)
    assert _versions(SecurityDomainSession(connection)) == {SECOND}
    assert PivSession(connection, _params(SECOND, second)).get_pin_attempts()


def main(reader: str, secret: bytes) -> None:
    keys = StaticKeys(*(secret[start : start + KEY_LENGTH] for start in range(0, len(secret), KEY_LENGTH)))
    (device,) = list_devices(reader)  # type: ignore[no-untyped-call]
    with device.open_connection(SmartCardConnection) as connection:
        rotate(connection, keys)


if __name__ == "__main__":
    main(sys.argv[1], bytes.fromhex(sys.stdin.read()))
