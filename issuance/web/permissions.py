"""Who may do what: a line for every route of the registry, its roles, and whose office its object is in.

A route without a line is refused to everybody (`issuance.web.gate`). To enter a new one, add its line below:

    "POST /v1/things": by(CLERK, SUPERVISOR),                    its path names no object
    "GET /v1/things/{thing_id}": at(THING, CLERK, SUPERVISOR),   only in the operator's own office
    "POST /v1/things/{thing_id}/end": anywhere(SUPERVISOR),      in all offices, or its service says whose
    "POST /v1/things/{thing_id}/end": fresh(anywhere(SUPERVISOR)),      a decision: wants a new proof

The words `by`, `at`, `anywhere` and `fresh` say it once for the API, its tests and the pages; `CITIZEN` and
`PUBLIC` are for others than operators. What only some rows of a table allow (own work, two people, states) is
the services' part.
"""

from dataclasses import dataclass, replace

from issuance.operators.models import Role
from issuance.web.belonging import (
    APPLICATION,
    BATCH_RUN,
    BODY,
    CARD,
    DELIVERY,
    PRODUCTION,
    STOCK_BATCH,
    Object,
)

CLERK, SUPERVISOR, PRODUCER, KEEPER = Role.CLERK, Role.SUPERVISOR, Role.PRODUCTION, Role.STOCK
ADMINISTRATOR, OFFICER, AUDITOR = Role.ADMINISTRATOR, Role.PKI_OFFICER, Role.AUDITOR

EVERYBODY = frozenset(Role)


@dataclass(frozen=True)
class Permission:
    """One line of the table."""

    roles: frozenset[Role]
    """Empty: no operator's login is asked for."""
    object: Object | None = None
    """What the path names and must be in the operator's own office."""
    any_office: bool = False
    """The path names an object, and that of any office will do."""
    citizen: bool = False
    """For citizens, by their own session; no operator's opens it."""
    fresh: bool = False
    """A decision: the operator has proved within minutes who they are."""
    incomplete: bool = False
    """Also for a session that lacks its second factor."""

    @property
    def is_public(self) -> bool:
        """Whether strangers may."""
        return not self.roles and not self.citizen


def by(*roles: Role) -> Permission:
    """A route that names no object."""
    return Permission(frozenset(roles))


def at(owned: Object, *roles: Role) -> Permission:
    """A route on an object of the operator's own office; another's is not there. NATIONWIDE roles see all."""
    return Permission(frozenset(roles), owned)


def anywhere(*roles: Role) -> Permission:
    """A route on an object of any office, or one that its service keeps to its owner."""
    return Permission(frozenset(roles), any_office=True)


def fresh(line: Permission) -> Permission:
    """A route that decides: it wants a proof of the last minutes (`issuance.operators.service.FRESH_FOR`)."""
    return replace(line, fresh=True)


PUBLIC = Permission(frozenset())
CITIZEN = Permission(frozenset(), citizen=True)
"""A route without objects in its path: what it shows is the record of whose session it is."""
ANYBODY = by(*EVERYBODY)
"""Whoever is signed in."""
INCOMPLETE = replace(ANYBODY, incomplete=True)
"""Whoever is signed in, be it without the second factor that is wanted here: to add it, or to leave."""

DESK = (CLERK, SUPERVISOR)
MAKERS = (PRODUCER, CLERK, SUPERVISOR)
KEEPERS = (KEEPER, SUPERVISOR)
CRISIS = (SUPERVISOR, OFFICER)
CRISIS_READERS = (*CRISIS, AUDITOR)
CASE_READERS = (CLERK, SUPERVISOR, PRODUCER, AUDITOR)
OFFICE_STAFF = (CLERK, SUPERVISOR, PRODUCER, KEEPER, AUDITOR)

API: dict[str, Permission] = {
    "GET /healthz": PUBLIC,
    "GET /metrics": PUBLIC,
    # sessions
    "POST /v1/sessions": PUBLIC,
    "POST /v1/sessions/card-challenges": PUBLIC,
    "POST /v1/sessions/by-card": PUBLIC,
    "POST /v1/sessions/current/proof": ANYBODY,
    "DELETE /v1/sessions/current": INCOMPLETE,
    "POST /v1/second-factor": INCOMPLETE,
    "POST /v1/second-factor/confirmation": INCOMPLETE,
    # citizens
    "POST /v1/citizen-sessions/card-challenges": PUBLIC,
    "POST /v1/citizen-sessions": PUBLIC,  # the card is the proof
    "DELETE /v1/citizen-sessions/current": CITIZEN,
    "GET /v1/my-record": CITIZEN,
    "GET /v1/my-record/lookups": CITIZEN,
    # accounts
    "GET /v1/operators": by(ADMINISTRATOR, AUDITOR),
    "GET /v1/operator-changes": by(ADMINISTRATOR, AUDITOR),
    "POST /v1/operator-changes": fresh(by(ADMINISTRATOR)),
    "POST /v1/operator-changes/{change_id}/confirmation": fresh(anywhere(ADMINISTRATOR)),
    "POST /v1/operator-changes/{change_id}/withdrawal": anywhere(ADMINISTRATOR),
    # offices
    "GET /v1/offices": ANYBODY,
    "POST /v1/offices": fresh(by(SUPERVISOR)),
    "PUT /v1/offices/{code}/inspection": fresh(anywhere(SUPERVISOR)),  # of the office itself
    "DELETE /v1/offices/{code}/inspection": fresh(anywhere(ADMINISTRATOR)),  # who makes no cards
    # stock
    "GET /v1/stock": by(*OFFICE_STAFF),
    "POST /v1/stock/batches": by(*KEEPERS),
    "POST /v1/stock/batches/{batch_id}/count": at(STOCK_BATCH, *KEEPERS),
    "POST /v1/stock/batches/{batch_id}/confirmation": fresh(at(STOCK_BATCH, *KEEPERS)),
    "POST /v1/stock/sendings": by(*KEEPERS),
    "POST /v1/stock/arrivals": by(*KEEPERS),
    "POST /v1/stock/spoilage": fresh(by(*KEEPERS)),
    "POST /v1/stock/collections": by(*KEEPERS),
    "POST /v1/stock/condemnations": fresh(by(*KEEPERS)),
    "POST /v1/stock/reprieves": by(*KEEPERS),
    "POST /v1/stock/destructions": fresh(by(*KEEPERS)),
    "GET /v1/stock/bodies/{serial}": at(BODY, *OFFICE_STAFF),
    "PUT /v1/stock/bodies/{serial}/reservation": at(BODY, *KEEPERS),
    "DELETE /v1/stock/bodies/{serial}/reservation": at(BODY, *KEEPERS),
    # applications
    "POST /v1/applications": by(*DESK),
    "GET /v1/applications": by(*CASE_READERS),
    "POST /v1/applications/searches": by(*CASE_READERS),
    "GET /v1/applications/{application_id}": at(APPLICATION, *CASE_READERS),
    "GET /v1/applications/{application_id}/portrait": at(APPLICATION, *CASE_READERS),
    "PATCH /v1/applications/{application_id}": at(APPLICATION, *DESK),
    "GET /v1/applications/{application_id}/register-answers": at(APPLICATION, CLERK, SUPERVISOR, AUDITOR),
    "POST /v1/applications/{application_id}/register-answers": at(APPLICATION, *DESK),
    "POST /v1/applications/{application_id}/lease": at(APPLICATION, *DESK),
    "DELETE /v1/applications/{application_id}/lease": at(APPLICATION, *DESK),
    "POST /v1/applications/{application_id}/submission": at(APPLICATION, *DESK),
    "POST /v1/applications/{application_id}/withdrawal": at(APPLICATION, *DESK),
    "GET /v1/applications/{application_id}/matches": at(APPLICATION, CLERK, SUPERVISOR, AUDITOR),
    "POST /v1/applications/{application_id}/matches/{number}/decision": fresh(at(APPLICATION, SUPERVISOR)),
    "GET /v1/applications/{application_id}/slip": at(APPLICATION, *DESK),
    "GET /v1/applications/{application_id}/slip.svg": at(APPLICATION, *DESK),
    "GET /v1/applications/{application_id}/slip.png": at(APPLICATION, *DESK),
    "POST /v1/applications/{application_id}/old-card/ending": fresh(at(APPLICATION, *DESK)),
    "POST /v1/people/searches": by(*DESK),
    "POST /v1/people/exports": fresh(by(SUPERVISOR)),
    "GET /v1/people/erasures": by(SUPERVISOR, AUDITOR),
    "POST /v1/people/erasures": fresh(by(SUPERVISOR)),
    "POST /v1/people/erasures/{erasure_id}/confirmation": fresh(anywhere(SUPERVISOR)),
    "POST /v1/people/erasures/{erasure_id}/withdrawal": anywhere(SUPERVISOR),
    "GET /v1/applications/{application_id}/lookups": at(APPLICATION, CLERK, SUPERVISOR, AUDITOR),
    "POST /v1/status": PUBLIC,
    "GET /v1/slip-keys": PUBLIC,
    # approval
    "POST /v1/applications/{application_id}/approval": fresh(at(APPLICATION, SUPERVISOR)),
    "POST /v1/applications/{application_id}/return": fresh(at(APPLICATION, SUPERVISOR)),
    "POST /v1/applications/{application_id}/refusal": fresh(at(APPLICATION, SUPERVISOR)),
    "POST /v1/approval-batches": by(SUPERVISOR),
    "GET /v1/approval-batches/{batch_id}": anywhere(SUPERVISOR),  # one's own
    "POST /v1/approval-batches/{batch_id}/confirmation": fresh(anywhere(SUPERVISOR)),  # one's own
    # orders
    "GET /v1/orders": by(*OFFICE_STAFF),
    "POST /v1/orders/promises": by(*DESK),
    "GET /v1/orders/{application_id}": at(APPLICATION, *OFFICE_STAFF),
    "POST /v1/orders/{application_id}/promise": at(APPLICATION, *DESK),
    "PUT /v1/orders/{application_id}/urgency": fresh(at(APPLICATION, SUPERVISOR)),
    # production
    "GET /v1/readers": by(*MAKERS),
    "POST /v1/applications/{application_id}/production": at(APPLICATION, *MAKERS),
    "GET /v1/productions/{production_id}": at(PRODUCTION, PRODUCER, CLERK, SUPERVISOR, AUDITOR),
    "POST /v1/productions/{production_id}/voiding": at(PRODUCTION, *MAKERS),
    "GET /v1/productions/{production_id}/events": at(PRODUCTION, PRODUCER, CLERK, SUPERVISOR, AUDITOR),
    "GET /v1/batch-runs": by(*OFFICE_STAFF),
    "POST /v1/batch-runs": by(*MAKERS),
    "GET /v1/batch-runs/{batch_run_id}": at(BATCH_RUN, *OFFICE_STAFF),
    "POST /v1/batch-runs/{batch_run_id}/pause": at(BATCH_RUN, *MAKERS),
    "POST /v1/batch-runs/{batch_run_id}/resumption": at(BATCH_RUN, *MAKERS),
    "POST /v1/batch-runs/{batch_run_id}/cancellation": at(BATCH_RUN, *MAKERS),
    "GET /v1/batch-runs/{batch_run_id}/events": at(BATCH_RUN, *OFFICE_STAFF),
    "POST /v1/cards/{card_number}/acceptance": fresh(at(CARD, *MAKERS)),
    "POST /v1/cards/{card_number}/rejection": fresh(at(CARD, *MAKERS)),
    # cards: handed over where they lie, stopped wherever their holder comes
    "POST /v1/cards/{card_number}/identity-checks": fresh(at(CARD, *DESK)),
    "GET /v1/cards/{card_number}/identity-checks": at(CARD, CLERK, SUPERVISOR, AUDITOR),
    "POST /v1/cards/{card_number}/refusals": at(CARD, *DESK),
    "POST /v1/cards/{card_number}/presence-checks": fresh(anywhere(*DESK)),
    "GET /v1/recalls": by(*DESK, AUDITOR),
    "POST /v1/recalls": by(*DESK),
    "POST /v1/cards/{card_number}/return": fresh(at(CARD, *DESK)),
    "POST /v1/cards/{card_number}/recall-ending": fresh(at(CARD, *DESK)),
    "POST /v1/cards/{card_number}/deliveries": at(CARD, *DESK),
    "POST /v1/deliveries/{delivery_id}/completion": at(DELIVERY, *DESK),
    "POST /v1/cards/{card_number}/station-deliveries": at(CARD, *DESK),
    "POST /v1/cards/{card_number}/station-unblockings": anywhere(*DESK),
    "POST /v1/cards/{card_number}/station-renewals": fresh(anywhere(*DESK)),
    "GET /v1/cards/{card_number}": anywhere(CLERK, SUPERVISOR, PRODUCER, OFFICER, AUDITOR),
    "POST /v1/cards/{card_number}/suspension": anywhere(*DESK),
    "POST /v1/cards/{card_number}/resumption": fresh(anywhere(*DESK)),
    "POST /v1/cards/{card_number}/revocation": fresh(anywhere(*DESK)),
    "GET /v1/cards/{card_number}/validity": anywhere(CLERK, SUPERVISOR, PRODUCER, OFFICER, AUDITOR),
    "PUT /v1/cards/{card_number}/pass-phrase": anywhere(*DESK),
    "POST /v1/suspension-calls": by(*DESK),
    "POST /v1/histories/{whose}": anywhere(*DESK, KEEPER, AUDITOR),  # of what is asked for in the body
    # decrees
    "GET /v1/decrees": PUBLIC,
    "POST /v1/decrees": fresh(by(*DESK)),
    "GET /v1/decree-proposals": by(*DESK, AUDITOR),
    "GET /v1/decrees/{decree_id}": anywhere(*DESK, AUDITOR),
    "POST /v1/decrees/{decree_id}/enactment": fresh(anywhere(SUPERVISOR)),
    "POST /v1/decrees/{decree_id}/rejection": fresh(anywhere(SUPERVISOR)),
    # mass actions
    "POST /v1/mass-actions/preview": by(*CRISIS),
    "GET /v1/mass-actions": by(*CRISIS_READERS),
    "POST /v1/mass-actions": fresh(by(*CRISIS)),
    "GET /v1/mass-actions/{action_id}": anywhere(*CRISIS_READERS),
    "POST /v1/mass-actions/{action_id}/confirmation": fresh(anywhere(*CRISIS)),
    "POST /v1/mass-actions/{action_id}/cancellation": fresh(anywhere(*CRISIS)),
    "POST /v1/mass-actions/{action_id}/run": fresh(anywhere(*CRISIS)),
    "POST /v1/mass-actions/{action_id}/lift": fresh(anywhere(*CRISIS)),
    "POST /v1/mass-actions/{action_id}/lift/confirmation": fresh(anywhere(*CRISIS)),
    "GET /v1/mass-actions/{action_id}/progress": anywhere(*CRISIS_READERS),
    "GET /v1/mass-actions/{action_id}/events": anywhere(*CRISIS_READERS),
    "GET /v1/mass-actions/{action_id}/report": anywhere(*CRISIS_READERS),
    "GET /v1/mass-actions/{action_id}/report.csv": anywhere(*CRISIS_READERS),
    "GET /v1/mass-actions/{action_id}/report.jsonl": anywhere(*CRISIS_READERS),
    # stations
    "GET /v1/stations": by(ADMINISTRATOR, AUDITOR),
    "POST /v1/stations": fresh(by(ADMINISTRATOR)),
    "POST /v1/stations/{station_id}/codes": fresh(anywhere(ADMINISTRATOR)),
    "POST /v1/stations/{station_id}/revocation": fresh(anywhere(ADMINISTRATOR)),
    "POST /v1/station-enrolments": PUBLIC,  # its one-time code is the proof
}

PAGES: dict[str, Permission] = {
    "GET /": PUBLIC,
    "GET /login": PUBLIC,
    "POST /login": PUBLIC,
    "POST /logout": INCOMPLETE,
    "GET /second-factor": INCOMPLETE,
    "POST /second-factor": INCOMPLETE,
    "POST /second-factor/confirmation": INCOMPLETE,
    "POST /proof": ANYBODY,
    "POST /card-challenges": PUBLIC,
    "POST /login/card": PUBLIC,
    "GET /language/{code}": PUBLIC,
    "GET /my-record": CITIZEN,
    "GET /my-record/login": PUBLIC,
    "POST /my-record/login": PUBLIC,
    "POST /my-record/challenges": PUBLIC,
    "POST /my-record/logout": CITIZEN,
    "GET /failed-tries": ANYBODY,  # at one's own account
    "GET /purpose": ANYBODY,
    "POST /purpose": ANYBODY,
    "GET /applications": by(*CASE_READERS),
    "POST /applications": by(*CASE_READERS),  # a search: its words are in no URL
    "GET /applications/new": by(*DESK),
    "POST /applications/new": by(*DESK),
    "GET /applications/{application_id}": at(APPLICATION, *CASE_READERS),
    "GET /applications/{application_id}/portrait": at(APPLICATION, *CASE_READERS),
    "GET /applications/{application_id}/lookups": at(APPLICATION, CLERK, SUPERVISOR, AUDITOR),
    "POST /applications/{application_id}/correction": at(APPLICATION, *DESK),
    "POST /applications/{application_id}/submission": at(APPLICATION, *DESK),
    "POST /applications/{application_id}/approval": fresh(at(APPLICATION, SUPERVISOR)),
    "POST /applications/{application_id}/return": fresh(at(APPLICATION, SUPERVISOR)),
    "POST /applications/{application_id}/refusal": fresh(at(APPLICATION, SUPERVISOR)),
    "POST /applications/{application_id}/production": at(APPLICATION, *MAKERS),
    "POST /productions/{production_id}/voiding": at(PRODUCTION, *MAKERS),
    "GET /productions/{production_id}/progress": at(PRODUCTION, PRODUCER, CLERK, SUPERVISOR, AUDITOR),
    "GET /cards/{number}/delivery": at(CARD, *DESK),
    "POST /cards/{number}/identity-checks": fresh(at(CARD, *DESK)),
    "POST /cards/{number}/refusals": at(CARD, *DESK),
    "POST /cards/{number}/suspension": anywhere(*DESK),
    "POST /cards/{number}/resumption": fresh(anywhere(*DESK)),
    "POST /cards/{number}/revocation": fresh(anywhere(*DESK)),
}

PERMISSIONS = API | PAGES


def permission(method: str, path: str) -> Permission | None:
    """The line for a route, by its path as it is declared; None: nobody may."""
    return PERMISSIONS.get(f"{method} {path}")
