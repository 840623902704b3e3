"""Words for states, steps and events, marked for translation."""

from collections.abc import Mapping

from issuance.delivery.rules import CheckFault
from issuance.delivery.states import CheckOutcome, RefusalReason
from issuance.enrolment.kinds import ApplicationKind
from issuance.lifecycle.states import ApplicationState, CardState, RevocationCause
from issuance.lookups.models import What
from issuance.lookups.purposes import Purpose
from issuance.operators.models import Role
from issuance.production.steps import ProductionState, Step
from issuance.web.titles import N_

ERASED = N_("Erased")
"""In the place of the name of a person whose data was erased."""
APPLICATION_STATES: Mapping[ApplicationState, str] = {
    ApplicationState.DRAFT: N_("Draft"),
    ApplicationState.SUBMITTED: N_("Awaiting approval"),
    ApplicationState.RETURNED: N_("Returned"),
    ApplicationState.REFUSED: N_("Refused"),
    ApplicationState.APPROVED: N_("Approved"),
    ApplicationState.IN_PRODUCTION: N_("In production"),
    ApplicationState.INSPECTION: N_("To be inspected"),
    ApplicationState.READY: N_("Ready for delivery"),
    ApplicationState.DELIVERED: N_("Delivered"),
    ApplicationState.WITHDRAWN: N_("Withdrawn"),
}
STAGES = (
    ApplicationState.DRAFT,
    ApplicationState.SUBMITTED,
    ApplicationState.APPROVED,
    ApplicationState.IN_PRODUCTION,
    ApplicationState.READY,
    ApplicationState.DELIVERED,
)
"""The way of an application that meets no obstacle."""

KINDS: Mapping[ApplicationKind, str] = {
    ApplicationKind.NEW: N_("First card"),
    ApplicationKind.RENEWAL: N_("Renewal"),
    ApplicationKind.REPLACEMENT: N_("Replacement"),
    ApplicationKind.CORRECTION: N_("Card with corrected data"),
}

CARD_STATES: Mapping[CardState, str] = {
    CardState.IN_PRODUCTION: N_("In production"),
    CardState.PRODUCED: N_("Produced, on hold"),
    CardState.ACTIVE: N_("Active"),
    CardState.SUSPENDED: N_("Suspended"),
    CardState.REVOKED: N_("Revoked"),
    CardState.VOIDED: N_("Voided"),
}

CAUSES: Mapping[RevocationCause, str] = {
    RevocationCause.LOST: N_("Lost"),
    RevocationCause.STOLEN: N_("Stolen"),
    RevocationCause.DAMAGED: N_("Damaged"),
    RevocationCause.DATA_CHANGED: N_("Data changed"),
    RevocationCause.DECEASED: N_("Deceased"),
    RevocationCause.WITHDRAWN: N_("Withdrawn"),
}

CHECK_OUTCOMES: Mapping[CheckOutcome, str] = {
    CheckOutcome.PASSED: N_("This is the card's person"),
    CheckOutcome.FAILED: N_("Not the card's person"),
    CheckOutcome.UNRECORDED: N_("Handed over before checks were kept"),
}

CHECK_FAULTS: Mapping[CheckFault, str] = {
    CheckFault.PORTRAIT: N_("The portrait shows somebody else"),
    CheckFault.SCORE: N_("The comparison of the faces found too little in common"),
    CheckFault.DECEASED: N_("The civil register has this person's death"),
    CheckFault.RECORD_CHANGED: N_("The civil register has other data than the card"),
}

REFUSAL_REASONS: Mapping[RefusalReason, str] = {
    RefusalReason.WRONG_DATA: N_("Something on the card is wrong"),
    RefusalReason.WRONG_PORTRAIT: N_("The portrait is wrong"),
    RefusalReason.DAMAGED: N_("Damaged"),
    RefusalReason.UNWANTED: N_("The person does not want it"),
}

ROLES: Mapping[Role, str] = {
    Role.CLERK: N_("Clerk"),
    Role.SUPERVISOR: N_("Supervisor"),
    Role.PRODUCTION: N_("Production"),
    Role.STOCK: N_("Stock"),
    Role.PKI_OFFICER: N_("PKI officer"),
    Role.AUDITOR: N_("Auditor"),
    Role.ADMINISTRATOR: N_("Administrator"),
}

PURPOSES: Mapping[Purpose, str] = {
    Purpose.ENROLMENT: N_("Enrolment"),
    Purpose.DECISION: N_("Decision on an application"),
    Purpose.PRODUCTION: N_("Making the card"),
    Purpose.DELIVERY: N_("Handing the card over"),
    Purpose.HOLDER_REQUEST: N_("The holder asks"),
    Purpose.CORRECTION: N_("Correction"),
    Purpose.INVESTIGATION: N_("Investigation"),
    Purpose.COURT_ORDER: N_("Court order"),
    Purpose.AUDIT: N_("Audit"),
}

SEEN: Mapping[What, str] = {
    What.LIST: N_("A line of a list"),
    What.APPLICATION: N_("The application"),
    What.PORTRAIT: N_("The portrait"),
    What.REGISTER_ANSWERS: N_("What the civil register said"),
    What.MATCHES: N_("Possible duplicates"),
    What.CARD: N_("The card's state"),
    What.HISTORY: N_("The history"),
    What.EXPORT: N_("Everything that is held"),
    What.LOOKUPS: N_("This list"),
}

PRODUCTION_STATES: Mapping[ProductionState, str] = {
    ProductionState.RUNNING: N_("At work"),
    ProductionState.INTERRUPTED: N_("Interrupted"),
    ProductionState.VOIDING: N_("Being voided"),
    ProductionState.PRODUCED: N_("Produced"),
    ProductionState.VOIDED: N_("Voided"),
    ProductionState.FAILED: N_("Not begun"),
}

STEPS: Mapping[Step, str] = {
    Step.IDENTIFY_CARD: N_("Identify the card"),
    Step.AUTHENTICATE: N_("Open it with its key"),
    Step.TAKE_CARD: N_("Take it for this person"),
    Step.GENERATE_AUTHENTICATION_KEY: N_("Make the login key on the card"),
    Step.GENERATE_SIGNATURE_KEY: N_("Make the signature key on the card"),
    Step.SIGN_REQUESTS: N_("The card signs its certificate requests"),
    Step.ISSUE_CERTIFICATES: N_("Issue certificates, on hold"),
    Step.WRITE_OBJECTS: N_("Write the card's data"),
    Step.WRITE_CERTIFICATES: N_("Write the certificates"),
    Step.READ_BACK: N_("Read everything back"),
    Step.PROVE_KEYS: N_("Check keys and certificates"),
    Step.SET_MANAGEMENT_KEY: N_("Set the issuer's key"),
    Step.SET_PUK: N_("Set the unblocking code"),
    Step.SET_TRANSPORT_PIN: N_("Set the transport PIN"),
    Step.ROTATE_CHANNEL_KEYS: N_("Replace the factory's channel keys"),
    Step.SECURE_CARD: N_("Secure the card"),
}

FAILURES: Mapping[str, str] = {
    "not-a-blank": N_("This card is not a blank of our manufacturer."),
    "body-used": N_("This card was used before."),
    "body-not-in-stock": N_("This card body is not in this office's stock, or is kept for another order."),
    "wrong-card": N_("Another card is in the reader than the one this run began with."),
    "read-back": N_("The card gives back something else than was written."),
    "card-removed": N_("The card was pulled or lost power. Put the same card back and go on."),
    "no-card": N_("There is no card in the reader."),
    "reader-unavailable": N_("The card reader can't be reached."),
    "application-not-found": N_("This card has no PIV application."),
    "live-card": N_("This person has a live card already"),
}

EVENTS: Mapping[str, str] = {
    "application.opened": N_("Application opened"),
    "application.corrected": N_("Application corrected"),
    "application.submitted": N_("Handed over for approval"),
    "application.register_asked": N_("Civil register asked"),
    "application.record_accepted": N_("Civil register's change taken over"),
    "application.taken_over": N_("Editing taken over"),
    "application.withdrawn": N_("Application withdrawn"),
    "match.found": N_("Possible duplicate found"),
    "match.decided": N_("Possible duplicate judged"),
    "application.approve": N_("Approved"),
    "application.return": N_("Returned"),
    "application.refuse": N_("Refused"),
    "production.started": N_("Production started"),
    "production.stopped": N_("Production stopped"),
    "production.voided": N_("Production voided"),
    "production.voiding-refused": N_("The authority refused to revoke; the voiding is open"),
    "card.taken": N_("Card body taken"),
    "card.produced": N_("Card produced"),
    "card.accepted": N_("Card inspected and accepted"),
    "card.rejected": N_("Card inspected and rejected"),
    "card.delivered": N_("Card delivered"),
    "card.decided": N_("Decided about the card"),
    "card.decision-dropped": N_("Decision about the card dropped"),
    "card.suspended": N_("Card suspended"),
    "card.resumed": N_("Card resumed"),
    "card.revoked": N_("Card revoked"),
    "order.urgent": N_("Made urgent"),
    "order.promised": N_("A date was told"),
    "delivery.checked": N_("Person checked"),
    "pass-phrase.agreed": N_("Pass phrase agreed"),
    "call.taken": N_("A call was taken"),
    "call.locked": N_("A call met a locked pass phrase"),
    "unblocking.begun": N_("Unblocking begun"),
    "unblocking.finished": N_("Card unblocked, new PIN set"),
    "unblocking.refused": N_("The card's answer was not right"),
    "rekeying.begun": N_("A new key at a station begun, with its holder there"),
    "rekeying.refused": N_("What the station sent was not the card's signature"),
    "presence.checked": N_("Person checked"),
    "recall.noticed": N_("The holder was told that the card waits"),
    "recall.returned": N_("Uncollected card taken back"),
    "recall.ended": N_("Uncollected card ended"),
    "delivery.opened": N_("Delivery opened"),
    "delivery.proven": N_("The card answered with its holder's PIN"),
    "delivery.mismatched": N_("The card's answer was not right"),
    "delivery.given-up": N_("Delivery given up"),
    "card.refused": N_("The person refused the card"),
}

COLOURS: Mapping[str, str] = {
    "draft": "secondary",
    "submitted": "warning",
    "returned": "warning",
    "refused": "danger",
    "approved": "info",
    "in_production": "primary",
    "inspection": "warning",
    "ready": "info",
    "delivered": "success",
    "withdrawn": "dark",
    "produced": "info",
    "active": "success",
    "suspended": "warning",
    "revoked": "danger",
    "voided": "dark",
    "running": "primary",
    "interrupted": "warning",
    "voiding": "warning",
    "failed": "danger",
}
"""Bootstrap's theme colour of every state; the word says it too, for those who don't see colours."""
