"""Every model of the registry, so that the metadata is complete wherever this is imported."""

from issuance.approval.models import ApprovalBatch, ApprovalBatchItem
from issuance.audit import AuditEntry
from issuance.batchruns.models import BatchReader, BatchRun
from issuance.calls.models import PassPhrase
from issuance.database import Base
from issuance.decrees.models import CardExtension, Decree
from issuance.delivery.models import Delivery, IdentityCheck, Recall, Refusal
from issuance.duplicates.models import DuplicateMatch
from issuance.enrolment.models import Application, ApplicationAuthor, EditingLease, Evidence, RegisterAnswer
from issuance.inspection.models import Inspection
from issuance.lifecycle.models import Card, CardCertificate, CardDecision, Suspension
from issuance.lookups.models import RecordLookup
from issuance.massactions.models import MassAction, MassItem, MassPart
from issuance.notices.models import Notice
from issuance.offices.models import Office
from issuance.operators.changes import OperatorCard, OperatorChange, OperatorTotp
from issuance.operators.failures import OperatorFailures
from issuance.operators.models import Operator, OperatorSession
from issuance.orders.models import Order, Promise
from issuance.people.models import Erasure, NameKey, NameRemain
from issuance.production.models import JournalEntry, Production, Renewal
from issuance.provenance.models import KeyProvenance
from issuance.registry.models import Citizen
from issuance.selfservice.models import CitizenSession
from issuance.stations.models import Station, StationCode
from issuance.stock.models import Batch, BatchDifference, Body, Movement
from issuance.tracking.models import StatusTries

__all__ = [
    "Application",
    "ApplicationAuthor",
    "ApprovalBatch",
    "ApprovalBatchItem",
    "AuditEntry",
    "Base",
    "Batch",
    "BatchDifference",
    "BatchReader",
    "BatchRun",
    "Body",
    "Card",
    "CardCertificate",
    "CardDecision",
    "CardExtension",
    "Citizen",
    "CitizenSession",
    "Decree",
    "Delivery",
    "DuplicateMatch",
    "EditingLease",
    "Erasure",
    "Evidence",
    "IdentityCheck",
    "Inspection",
    "JournalEntry",
    "KeyProvenance",
    "MassAction",
    "MassItem",
    "MassPart",
    "Movement",
    "NameKey",
    "NameRemain",
    "Notice",
    "Office",
    "Operator",
    "OperatorCard",
    "OperatorChange",
    "OperatorFailures",
    "OperatorSession",
    "OperatorTotp",
    "Order",
    "PassPhrase",
    "Production",
    "Promise",
    "Recall",
    "RecordLookup",
    "Refusal",
    "RegisterAnswer",
    "Renewal",
    "Station",
    "StationCode",
    "StatusTries",
    "Suspension",
]
