"""Every way in which signed data is refused. Paths raise `pki.validation.errors` beside these.

CmsError
├── MalformedCmsError         not the strict DER of the structure that is meant, or beyond its bounds
├── CmsDigestError            the signed digest is not that of the content
├── CmsSignatureError         the signature is not by the key in the signer's certificate
├── CmsSignerError            the signer's certificate is missing, or not one for this purpose
├── CmsAlgorithmError         a digest or signature algorithm that is not accepted (oid)
└── DataGroupError            a data group is not the one that was signed (number)
"""

from pki.errors import PkiError


class CmsError(PkiError):
    """Signed data is refused."""


class MalformedCmsError(CmsError):
    """The bytes are not what they should be."""


class CmsDigestError(CmsError):
    """The content was changed after it was signed."""


class CmsSignatureError(CmsError):
    """The signature doesn't verify."""


class CmsSignerError(CmsError):
    """Nobody who may sign this is found to have signed it."""


class CmsAlgorithmError(CmsError):
    """An algorithm that is unknown or too weak."""

    def __init__(self, oid: str) -> None:
        super().__init__(f"algorithm {oid} is not accepted")
        self.oid = oid


class DataGroupError(CmsError):
    """A data group is missing from the security object, or has another hash than the one signed."""

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(f"data group {number}: {detail}")
        self.number = number
        self.detail = detail
