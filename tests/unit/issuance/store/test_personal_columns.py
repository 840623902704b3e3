"""Every column of the registry is encrypted, or is here because it tells nothing of a person.

Whoever adds a column decides: it gets a type of `pki.store.encrypted`, or a line here that somebody reviews.
"""

import pytest
from sqlalchemy import Column

from issuance.models import Base
from pki.store.encrypted import (
    DisguisedText,
    EncryptedBytes,
    EncryptedDate,
    EncryptedJson,
    EncryptedText,
    IndexedText,
)

ENCRYPTED = (EncryptedText, EncryptedDate, EncryptedBytes, EncryptedJson)
"""Each is told its own name, `table.column`: a value moved to another column can't be read."""
TYPES = (*ENCRYPTED, DisguisedText, IndexedText)

NOT_PERSONAL = {
    "application_authors": "application_id username",
    "application_evidence": "application_id document seen_by seen_at",
    "applications": "id office kind cause replaces state version enrolled_by edited_by portrait_by "
    "created_at submitted_at tracking_code decided_by decided_at decision_reasons "
    "undecided_matches seal approval_seal",
    "approval_batch_items": "batch_id application_id application_version outcome",
    "approval_batches": "id version proposed_by proposed_at expires_at confirmed_at",
    "audit_checkpoints": "size time note",
    "audit_entries": "sequence time actor action subject details previous_hash hash",
    "audit_nodes": "level position hash",
    "batch_run_readers": "batch_run_id reader state produced production_id failure_kind failure_detail "
    "seen_at",
    "batch_runs": "id office state version started_by started_at ended_at",
    "card_certificates": "serial card_number profile not_after superseded_at",
    "card_decisions": "card_number event reason check_id decided_by decided_at",
    "card_extensions": "card_number decree_id until",
    "card_recalls": "card_number noticed_by noticed_at returned_by returned_at ended_by ended_at",
    "card_refusals": "id card_number reason recorded_by recorded_at",
    "card_suspensions": "id card_number reason suspended_by suspended_at ended_by ended_at resumed check_id "
    "check_outcome",
    "cards": "card_number application_id state version guid key_version channel_version "
    "pending_channel_version taken_at produced_at delivered_at ended_at revocation_cause",
    "citizen_sessions": "token_digest expires_at seal",
    "citizens": "birth_precision confirmed_at seal",
    "decrees": "id number decreed_on expires_from expires_to office born_from born_to extended_to state "
    "version cards proposed_by proposed_at decided_by decided_at",
    "deliveries": "id card_number state version challenge tries_left opened_by opened_at expires_at "
    "identity_check_id check_outcome matched_at proven_at signature unsigned "
    "closed_for",
    "duplicate_matches": "application_id number score causes found_at decision decided_by decided_at",
    "editing_leases": "application_id holder expires_at",
    "erasures": "id ground requested_by requested_at confirmed_by confirmed_at",
    "identity_checks": "id card_number application_id purpose outcome fault document register_answer score "
    "threshold checked_by checked_at",
    "inspections": "production_id started_by resumed_by inspected_by inspected_at accepted",
    "key_provenance": "serial issuer shard card_number slot key_type algorithm chip_type "
    "body_batch office station origin made_at superseded_at",
    "mass_actions": "id version state turn selection preview tolerance reason proposed_by "
    "proposed_at confirmed_by confirmed_at lift_reason lift_proposed_by "
    "lift_proposed_at lift_confirmed_by lift_confirmed_at keys round "
    "authority_number moved_at closed_at",
    "mass_items": "action_id issuer shard serial card_number slot state why",
    "mass_parts": "action_id round part phase issuer changed skipped done_at",
    "notices": "key application_id channel template state created_at due_at tries failure sent_at",
    "offices": "code persian_name latin_name province inspects",
    "operator_cards": "change_id serial certificate_sha256 username kind confirmed_by issued_at not_after "
    "ended_at",
    "operator_changes": "id seal version kind username role office state based_on proposed_by proposed_at "
    "expires_at confirmed_by confirmed_at withdrawn_at card_number",
    "operator_failures": "username passwords codes untold told told_until last_at",
    "operator_sessions": "token_digest username expires_at method proved_at seal",
    "operator_totps": "id username started_at confirmed_at last_step reset_id reset_kind reset_by seal",
    "operators": "username role office state change_id change_confirmed_by seal",
    "orders": "application_id state office approved_at priority rank_at urgent_by holder lease_expires_at",
    "pass_phrases": "card_number wrong locked_at used_at agreed_by agreed_at check_id",
    "production_journal": "production_id number attempt step state begun_at ended_at apdus data",
    "productions": "id application_id card_number state version reader started_by resumed_by started_at "
    "lease_expires_at finished_at attempts apdus failure_kind failure_detail",
    "promises": "application_id number told_at told_by promised_on position on_hand cards_per_day",
    "record_lookups": "id at operator role office purpose case_number what application_id",
    "register_answers": "application_id number asked_at asked_by revision taken_over",
    "renewals": "id card_number profile state version csr ends_at serial started_by started_at ended_at seal",
    "station_codes": "locator digest station_id created_by created_at expires_at tries_left used_at",
    "stations": "id office state version serial created_by created_at enrolled_at ended_at",
    "status_tries": "bucket since wrong",
    "stock_batches": "id office product delivery_note state version bodies noted counted expected_on "
    "announced_by announced_at counted_by counted_at confirmed_by confirmed_at",
    "stock_bodies": "serial batch_id office state moves moved_by application_id",
    "stock_differences": "batch_id serial kind",
    "stock_movements": "serial number previous kind from_state to_state from_office to_office actor "
    "previous_actor at reason",
}
"""Who works here is named by user name, people by application and card: random or serial numbers."""


def columns() -> list[Column[object]]:
    return [column for table in Base.metadata.tables.values() for column in table.columns]


@pytest.mark.parametrize("column", columns(), ids=str)
def test_each_column_is_encrypted_or_known_to_be_of_no_person(column: Column[object]) -> None:
    known = column.name in NOT_PERSONAL.get(column.table.name, "").split()
    assert isinstance(column.type, TYPES) != known, (
        f"{column} is new: give it an encrypted type, or name it here if it tells nothing of a person"
        if not known
        else f"{column} is encrypted: strike it from the list"
    )


def test_the_list_names_nothing_that_is_gone() -> None:
    listed = {f"{table}.{name}" for table, names in NOT_PERSONAL.items() for name in names.split()}
    assert listed <= {str(column) for column in columns()}


def test_each_encrypted_column_knows_its_own_name() -> None:
    for column in columns():
        if isinstance(column.type, ENCRYPTED):
            assert column.type.column == str(column)


def test_one_key_for_all_national_codes() -> None:
    codes = [column for column in columns() if column.name == "national_code"]
    assert {column.type.domain for column in codes if isinstance(column.type, DisguisedText)} == {
        "national_code"
    }
    assert all(isinstance(column.type, DisguisedText) for column in codes)
