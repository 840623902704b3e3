"""Who logged in: what a site learns from an accepted certificate."""

import re
from dataclasses import dataclass

from pki import oids
from verifier.authentication.certificate import CardCertificate

_NATIONAL_CODE = re.compile(r"PNOIR-([0-9]{10})", re.ASCII)
"""A citizen's; resident foreign nationals' personal numbers are longer."""


@dataclass(frozen=True, repr=False)
class Identity:
    """One person, as the certificate names them. Personal data: never logged, so it has no repr."""

    identity_code: str
    national_code: str | None
    """Ten digits for our own citizens; None for foreign nationals and holders of foreign cards."""
    given_name: str | None
    surname: str | None
    country: str | None
    certificate_sha256: str
    """Fingerprint of the certificate, 64 hexadecimal digits: names the card without naming the person."""

    @classmethod
    def of(cls, certificate: CardCertificate, attribute: str = oids.SERIAL_NUMBER) -> "Identity":
        """Reads the subject of a certificate that has passed every step; `attribute` names the holder."""
        code = certificate.first_attribute(attribute) or ""
        found = _NATIONAL_CODE.fullmatch(code)
        return cls(
            identity_code=code,
            national_code=found[1] if found else None,
            given_name=certificate.first_attribute(oids.GIVEN_NAME),
            surname=certificate.first_attribute(oids.SURNAME),
            country=certificate.first_attribute(oids.COUNTRY_NAME),
            certificate_sha256=certificate.sha256,
        )

    def claims(self) -> dict[str, str]:
        """What the site is told; absent attributes are left out."""
        named = {
            "identity_code": self.identity_code,
            "national_code": self.national_code,
            "given_name": self.given_name,
            "surname": self.surname,
            "country": self.country,
        }
        return {name: value for name, value in named.items() if value is not None}
