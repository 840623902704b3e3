"""Logging in to a token without ever using up its tries."""

import hashlib
import hmac
import os

import pkcs11
import pkcs11.exceptions as ckr
from pkcs11 import TokenFlag

from pki.errors import PinError, PinLockedError, WrongPinError
from pki.keys.pins import PinSource
from pki.keys.token.module import Module
from pki.keys.token.session import TokenSession
from pki.keys.uris import Pkcs11Uri

_NO_MORE_TRIES = TokenFlag.USER_PIN_LOCKED | TokenFlag.USER_PIN_FINAL_TRY
_digest_key = os.urandom(32)
_refused: set[tuple[bytes, bytes]] = set()
"""Token serial and digest of each PIN that a token refused: this process doesn't try it again."""


def logged_in(module: Module, wanted: Pkcs11Uri, pin_source: PinSource) -> TokenSession:
    """This process's session with the token. Raises PinError, PinSourceError, TokenMissingError.

    A store with another PIN than the session's gets a session by its own PIN or none at all.
    """
    token = module.token(wanted)
    pin = pin_source()
    digest = hmac.digest(_digest_key, pin.encode(), hashlib.sha256)
    place = wanted.token or str(wanted)
    if (token.serial, digest) in _refused:
        raise WrongPinError(place, "this PIN was refused before and is not tried again")
    session = module.sessions.get(token.slot.slot_id)
    if session and hmac.compare_digest(session.pin_digest, digest):
        return session
    if session or token.flags & _NO_MORE_TRIES:
        module.restart()  # to end the other's session, or to see flags that were set or cleared meanwhile
        token = module.token(wanted)
    _require_tries(token, place)
    opened = TokenSession(_login(token, pin, digest, place), place, digest)
    module.sessions[token.slot.slot_id] = opened
    return opened


def _require_tries(token: pkcs11.Token, place: str) -> None:
    """The last try is left to a person: a service that restarts must never lock the token."""
    if token.flags & TokenFlag.USER_PIN_LOCKED:
        raise PinLockedError(place, "the user PIN is locked")
    if token.flags & TokenFlag.USER_PIN_FINAL_TRY:
        raise PinLockedError(place, "one try of the user PIN is left; log in by the vendor's tool first")


def _login(token: pkcs11.Token, pin: str, digest: bytes, place: str) -> pkcs11.Session:
    try:
        return token.open(rw=True, user_pin=pin)
    except (ckr.PinIncorrect, ckr.PinInvalid, ckr.PinLenRange) as error:
        _refused.add((token.serial, digest))
        raise WrongPinError(place, "the token refuses the PIN", type(error).__name__) from None
    except ckr.PinLocked:
        raise PinLockedError(place, "the user PIN is locked") from None
    except ckr.PinExpired:
        raise PinError(place, "the user PIN has expired and must be changed") from None
