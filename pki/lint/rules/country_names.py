"""In travel documents' certificates both alternative names give a contact and the MRZ's country."""

from cryptography import x509
from cryptography.x509.oid import NameOID

from pki.lint.candidate import SharedExtensions, require
from pki.profiles.country import COUNTRY
from pki.profiles.shape import SubjectForm

RULE = "country_names"
CLAUSE = "ICAO Doc 9303-12 §7.1.1.2"


def check(shared: SharedExtensions) -> None:
    """Subject and issuer are of one country; elsewhere neither extension stands."""
    definition = shared.expected.definition
    subject = shared.find(x509.SubjectAlternativeName)
    issuer = shared.find(x509.IssuerAlternativeName)
    if not definition.country_names:
        own = definition.subject in {SubjectForm.CARD, SubjectForm.HOST}
        require(issuer is None and (own or subject is None), RULE, "are for travel documents")
        return
    for extension in (subject, issuer):
        names = () if extension is None or extension.critical else tuple(extension.value)
        found = [_text(name) for name in names]
        wanted = [shared.expected.addresses.contact(), COUNTRY.document_issuer]
        require(found == wanted, RULE, "are not a contact and the country")


def _text(name: x509.GeneralName) -> str | None:
    """A URI, or the locality of a directory name that holds nothing else."""
    if isinstance(name, x509.UniformResourceIdentifier):
        return name.value
    if isinstance(name, x509.DirectoryName) and len(list(name.value)) == 1:
        attribute = next(iter(name.value))
        return str(attribute.value) if attribute.oid == NameOID.LOCALITY_NAME else None
    return None
