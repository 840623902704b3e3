"""What a token's CKR_ codes mean here (PKCS#11 v2.40 §5.1.6, as python-pkcs11 names them)."""

import pkcs11.exceptions as ckr

from pki.errors import MechanismUnsupportedError, TokenError, TokenUnavailableError

# The session, its login or its handles are of no use any more; a fresh session may be.
_LOST = (
    ckr.DeviceError,
    ckr.DeviceMemory,
    ckr.DeviceRemoved,
    ckr.FunctionCancelled,
    ckr.FunctionFailed,
    ckr.GeneralError,
    ckr.HostMemory,
    ckr.KeyHandleInvalid,
    ckr.ObjectHandleInvalid,
    ckr.OperationActive,
    ckr.OperationNotInitialized,
    ckr.SessionClosed,
    ckr.SessionCount,
    ckr.SessionHandleInvalid,
    ckr.SlotIDInvalid,
    ckr.TokenNotPresent,
    ckr.TokenNotRecognised,
    ckr.UserAlreadyLoggedIn,
    ckr.UserNotLoggedIn,
    ckr.UserPinNotInitialized,  # halfway through a reset; it uses up no try
)
_UNSUPPORTED = (
    ckr.AttributeTypeInvalid,
    ckr.AttributeValueInvalid,
    ckr.DomainParamsInvalid,
    ckr.FunctionNotSupported,
    ckr.KeySizeRange,
    ckr.KeyTypeInconsistent,
    ckr.MechanismInvalid,
    ckr.MechanismParamInvalid,
    ckr.TemplateInconsistent,
)


def is_lost(error: ckr.PKCS11Error) -> bool:
    """Whether a fresh session may help.

    Codes without a class of their own count: CKR_CRYPTOKI_NOT_INITIALIZED is one, a vendor's are others.
    """
    return isinstance(error, _LOST) or type(error) is ckr.PKCS11Error


def translated(error: ckr.PKCS11Error, place: str) -> TokenError:
    """The error of `pki.errors` for what a token answered, PINs apart."""
    failure = type(error).__name__
    if is_lost(error):
        return TokenUnavailableError(place, "the token does not answer as it should", failure)
    if isinstance(error, _UNSUPPORTED):
        return MechanismUnsupportedError(place, "the token can't do this", failure)
    return TokenError(place, "the token refuses", failure)
