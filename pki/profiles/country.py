"""The country whose certificates these are: data, not code."""

from dataclasses import dataclass

from pki.hierarchy import Role


@dataclass(frozen=True)
class Country:
    """What certificates say of the country and of the organisation that answers for them."""

    code: str
    """ISO 3166 alpha-2: countryName, QcCClegislation, and part of a citizen's serialNumber."""
    document_issuer: str
    """ICAO Doc 9303-3 §5: the issuing state as the machine readable zone writes it."""
    organization: str
    ca_names: dict[Role, str]
    """The common name of each CA, before its generation."""

    @property
    def person_prefix(self) -> str:
        """semanticsIdentifier for natural persons: type PNO and the country (ETSI EN 319 412-1 §5.1.3)."""
        return f"PNO{self.code}-"


COUNTRY = Country(
    "IR",
    "IRN",
    "Hoviat",
    {
        Role.ROOT: "Hoviat Root CA",
        Role.CITIZEN_AUTHENTICATION: "Hoviat Citizen Authentication CA",
        Role.CITIZEN_SIGNATURE: "Hoviat Citizen Signature CA",
        Role.CARD: "Hoviat Card CA",
        Role.OPERATOR: "Hoviat Operator CA",
        Role.SERVICE: "Hoviat Service CA",
        Role.CSCA: "Hoviat Country Signing CA",
    },
)
