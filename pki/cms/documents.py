"""Document signers and the master list signer: keys on line, certified by the country signing CA for a while.

Where the CSCA is off line a ceremony makes the next one; otherwise it is made when it is asked for.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pki.auditchain import Event
from pki.authority.record import record_events, refuse_clock_set_back
from pki.authority.values import IssuedCertificate
from pki.ceremony.founding import Foundry
from pki.cms.masterlist import build_master_list
from pki.errors import IssuerOfflineError
from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.keys.signer import Signer
from pki.profiles.country import COUNTRY
from pki.profiles.names import encode_institution
from pki.profiles.profile import Profile
from pki.published import links_of
from pki.status.state import Status
from pki.store.database import read_only
from pki.store.models import CertificateBody, CertificateRow, KeyRow, MasterListRow

DOCUMENT_SIGNER, MASTER_LIST_SIGNER = "ds", "mls"
_NAMED = {
    DOCUMENT_SIGNER: (Profile.DOCUMENT_SIGNER, "Document Signer"),
    MASTER_LIST_SIGNER: (Profile.MASTER_LIST_SIGNER, "Master List Signer"),
}
_NAME = re.compile(r"(ds|mls)-g([1-9][0-9]{0,5})")
_LEAD = timedelta(days=7)
"""How long before a signer's key ends the next one is made, where the CSCA is on line."""


@dataclass(frozen=True)
class StateSigner:
    """A key that signs in the state's name, and until when it does."""

    name: str
    signer: Signer = field(repr=False)
    certificate: bytes = field(repr=False)
    """DER."""
    until: datetime
    """The end of its private key's use, inclusive."""


class DocumentSigners:
    """The document signers of one installation, and its master list."""

    def __init__(self, foundry: Foundry) -> None:
        self._foundry = foundry

    def current(self) -> StateSigner:
        """The document signer to sign with now; makes the next one when it is time, where that can be done.

        Raises IssuerOfflineError when the last one has ended and only a ceremony makes another.
        """
        return self._current(DOCUMENT_SIGNER)

    def rotate(self, kind: str = DOCUMENT_SIGNER, number: int | None = None) -> tuple[str, IssuedCertificate]:
        """Makes signer `number`, by default the next; what is there of it already stays."""
        number = number or self.next_number(kind)
        profile, common_name = _NAMED[kind]
        name = f"{kind}-g{number}"
        subject = encode_institution(f"{COUNTRY.organization} {common_name} {number}")
        return name, self._foundry.certify_service(name, KeyKind.P256, profile, subject)

    def next_number(self, kind: str) -> int:
        """That of the next signer: one whose key is there without a certificate counts as not made."""
        return 1 + max((number for number, _, _ in self._certified(kind)), default=0)

    def service_signer(self, name: str) -> Signer:
        """The key of a signer that `rotate` made."""
        return self._foundry.service_signer(name)

    def publish_master_list(self) -> bytes:
        """Signs and keeps a list of our own CSCAs and their links.

        Raises as `current`, and ClockSetBackError.
        """
        signer = self._current(MASTER_LIST_SIGNER)
        foundry = self._foundry
        issuers = foundry.issuers()
        own = [ca.certificate for ca in issuers.generations(Role.CSCA) if ca.certificate is not None]
        parsed = x509.load_der_x509_certificate(signer.certificate)
        csca = next(item for item in own if _issued(item, parsed))
        links = links_of(foundry.engine, issuers, Role.CSCA)
        now = foundry.clock().replace(microsecond=0)
        with Session(read_only(foundry.engine)) as session, session.begin():
            refuse_clock_set_back(session, now)
        made = build_master_list([*own, *links.values()], signer.signer, signer.certificate, csca, now)
        with Session(foundry.engine) as session, session.begin():
            number = (session.scalar(select(func.max(MasterListRow.number))) or 0) + 1
            session.add(MasterListRow(number=number, made=now, der=made))
            session.flush()
            details = {"number": number, "bytes": len(made)}
            record_events(
                session, [Event(foundry.clock(), foundry.actor, "masterlist.published", signer.name, details)]
            )
        return made

    def master_list(self) -> bytes | None:
        """The newest one, DER; None before the first."""
        query = select(MasterListRow.der).order_by(MasterListRow.number.desc()).limit(1)
        with Session(read_only(self._foundry.engine)) as session, session.begin():
            return session.scalar(query)

    def _current(self, kind: str) -> StateSigner:
        now = self._foundry.clock()
        found = self._newest(kind, now)
        if found is not None and now + _LEAD < found.until:
            return found
        try:
            self.rotate(kind)
        except IssuerOfflineError:
            if found is None:
                raise
            return found
        made = self._newest(kind, now)
        if made is None:
            raise IssuerOfflineError(kind)
        return made

    def _newest(self, kind: str, now: datetime) -> StateSigner | None:
        for number, status, der in sorted(self._certified(kind), reverse=True):
            if status != Status.GOOD.value:
                continue
            parsed = x509.load_der_x509_certificate(der)
            until = _end_of_use(parsed)
            if parsed.not_valid_before_utc <= now <= until:
                name = f"{kind}-g{number}"
                return StateSigner(name, self._foundry.service_signer(name), der, until)
        return None

    def _certified(self, kind: str) -> list[tuple[int, str, bytes]]:
        """Number, status and certificate of each signer there ever was."""
        with Session(read_only(self._foundry.engine)) as session, session.begin():
            names = session.scalars(select(KeyRow.name).where(KeyRow.name.startswith(f"{kind}-g"))).all()
            query = (
                select(CertificateRow.request_id, CertificateRow.status, CertificateBody.der)
                .join(CertificateBody, CertificateBody.serial == CertificateRow.serial)
                .where(CertificateRow.request_id.in_(names))
            )
            return [(_number(row.request_id), row.status, row.der) for row in session.execute(query)]


def _number(name: str) -> int:
    found = _NAME.fullmatch(name)
    return int(found[2]) if found else 0


def _end_of_use(certificate: x509.Certificate) -> datetime:
    """The end of privateKeyUsagePeriod, or of the certificate where it has none."""
    try:
        period = certificate.extensions.get_extension_for_class(x509.PrivateKeyUsagePeriod).value
    except x509.ExtensionNotFound:
        return certificate.not_valid_after_utc
    end = period.not_after
    return (
        certificate.not_valid_after_utc
        if end is None
        else end.replace(tzinfo=certificate.not_valid_after_utc.tzinfo)
    )


def _issued(csca: bytes, certificate: x509.Certificate) -> bool:
    """Whether this generation did: they share a name, so its key tells."""
    parent = x509.load_der_x509_certificate(csca)
    wanted = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    return parent.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest == wanted
