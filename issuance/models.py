"""Every model of the registry, so that the metadata is complete wherever this is imported."""

from issuance.approval.models import ApprovalBatch, ApprovalBatchItem
from issuance.audit import AuditEntry
from issuance.database import Base
from issuance.delivery.models import Delivery
from issuance.duplicates.models import DuplicateMatch
from issuance.enrolment.models import Application, EditingLease, Evidence, RegisterAnswer
from issuance.lifecycle.models import Card, CardCertificate
from issuance.operators.models import Operator, OperatorSession
from issuance.production.models import JournalEntry, Production, Renewal
from issuance.registry.models import Citizen
from issuance.tracking.models import StatusTries

__all__ = [
    "Application",
    "ApprovalBatch",
    "ApprovalBatchItem",
    "AuditEntry",
    "Base",
    "Card",
    "CardCertificate",
    "Citizen",
    "Delivery",
    "DuplicateMatch",
    "EditingLease",
    "Evidence",
    "JournalEntry",
    "Operator",
    "OperatorSession",
    "Production",
    "RegisterAnswer",
    "Renewal",
    "StatusTries",
]
