"""How each kind of subject is written into a certificate."""

from pki.authority.values import CardSubject, CertificateRequest, InstitutionSubject, PersonSubject
from pki.errors import IssuanceError, SubjectError
from pki.profiles.definitions import SubjectForm
from pki.profiles.identities import ForeignIdentity
from pki.profiles.names import encode_card, encode_institution, encode_person, person_name


def encode_subject(request: CertificateRequest, form: SubjectForm) -> bytes:
    """The DER Name of the request's subject, which must be of the profile's form.

    Raises SubjectError, IssuanceError.
    """
    subject = request.subject
    if isinstance(subject, PersonSubject) and form is SubjectForm.PERSON:
        return encode_person(person_name(_identity(subject), subject.given_name, subject.surname))
    if isinstance(subject, CardSubject) and form is SubjectForm.CARD:
        return encode_card(subject.card)
    if isinstance(subject, InstitutionSubject) and form in {SubjectForm.INSTITUTION, SubjectForm.HOST}:
        return encode_institution(subject.common_name)
    raise IssuanceError(
        request.request_id, f"profile {request.profile.value} is for another kind of subject ({form.value})"
    )


def _identity(person: PersonSubject) -> str | ForeignIdentity:
    if person.foreign is not None and person.national_code:
        raise SubjectError("national_code", "stands beside a foreign identity; a person has one of them")
    return person.foreign or person.national_code
