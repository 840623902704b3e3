"""Every model of the registry, so that the metadata is complete wherever this is imported."""

from issuance.audit import AuditEntry
from issuance.database import Base
from issuance.delivery.models import Delivery
from issuance.enrolment.models import Application
from issuance.lifecycle.models import Card, CardCertificate
from issuance.operators.models import Operator, OperatorSession
from issuance.production.models import JournalEntry, Production, Renewal
from issuance.registry.models import Citizen
from issuance.stations.models import Station, StationCode

__all__ = [
    "Application",
    "AuditEntry",
    "Base",
    "Card",
    "CardCertificate",
    "Citizen",
    "Delivery",
    "JournalEntry",
    "Operator",
    "OperatorSession",
    "Production",
    "Renewal",
    "Station",
    "StationCode",
]
