"""Two officers, what was previewed and nothing else, part by part, and a record that shows it."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pki.auditchain import Event, verify_table
from pki.authority.record import record_events
from pki.errors import (
    ClockSetBackError,
    MassActionExpiredError,
    MassActionStateError,
    PreviewMismatchError,
    SecondOfficerError,
    SelectionError,
    UnknownMassActionError,
)
from pki.hierarchy import Role
from pki.keys.kinds import KeyKind
from pki.massactions.rows import PROPOSAL_LIFE
from pki.massactions.selection import MAX_CHOICES, Selection, Window, listed, serials_digest
from pki.massactions.values import MAX_NOTE, Kind, MassAction, State, Terms
from pki.profiles import Profile
from pki.status import RevocationReason, Status
from pki.status.state import Hold
from pki.store.massactions import MassActionRow, MassPart, MassTarget
from pki.store.models import AuditEntry, CertificateRow
from tests.unit.pki.massactions.world import GOOD, LIFE, START, World

HOLD = Terms(Kind.HOLD, "weak chips")
RELEASE = Terms(Kind.RELEASE, "chips mended")
REVOKE = Terms(Kind.REVOKE, "weak chips", RevocationReason.KEY_COMPROMISE, START - timedelta(days=30))
UNDELIVERED = type(GOOD)(Status.ON_HOLD, Hold.DELIVERY, None, activated=False)
LOST = type(GOOD)(Status.ON_HOLD, Hold.REGISTRY, None, activated=True)
REVOKED = type(GOOD)(Status.REVOKED, None, None, activated=True)
BATCH = Selection(provenances=frozenset({"batch-7"}))


def propose(world: World, terms: Terms = HOLD, selection: Selection = BATCH) -> MassAction:
    return world.mass.propose(selection, terms, "officer-a")


def events(world: World) -> list[AuditEntry]:
    with Session(world.engine) as session:
        verify_table(session, AuditEntry)
        return list(session.scalars(select(AuditEntry).order_by(AuditEntry.sequence)))


def test_a_batch_is_held_and_released_and_nobody_elses_hold_is_lost(either_world: World) -> None:
    world = either_world
    ways = [GOOD, UNDELIVERED, LOST, REVOKED, GOOD, GOOD, GOOD]
    serials = world.add(ways, provenance="batch-7")
    (other,) = world.add([GOOD], provenance="batch-8")
    action = propose(world)
    preview = json.loads(action.preview)
    assert (preview["total"], preview["moved"], preview["reheld"]) == (7, 4, 2)
    assert preview["skipped"] == {"revoked": 1}
    assert preview["statuses"] == {"good": 4, "on_hold": 2, "revoked": 1}
    done = world.carry_out(action)
    assert (done.state, done.moved, done.reheld, dict(done.skipped)) == (State.DONE, 4, 2, {"revoked": 1})
    assert world.statuses(serials) == ["on_hold"] * 3 + ["revoked"] + ["on_hold"] * 3
    assert world.statuses([other]) == ["good"]
    world.now += timedelta(hours=1)
    released = world.carry_out(propose(world, RELEASE))
    assert (released.moved, released.reheld) == (4, 2)
    assert world.statuses(serials) == ["good", "on_hold", "on_hold", "revoked", "good", "good", "good"]
    assert [row.held_by for row in world.rows(serials)[1:3]] == ["delivery", "registry"]
    world.mass.check(action.number)
    assert [entry.action for entry in events(world)].count("mass.hold") == done.parts


def test_a_revocation_carries_reason_and_invalidity_date(world: World) -> None:
    serials = world.add([GOOD, UNDELIVERED], provenance="batch-7")
    world.carry_out(propose(world, REVOKE))
    for row in world.rows(serials):
        assert (row.status, row.reason, row.held_by) == ("revoked", "keyCompromise", None)
        assert row.invalidity_date == (START - timedelta(days=30)).replace(microsecond=0)
        assert row.since == START.replace(microsecond=0)


def test_what_was_issued_after_the_proposal_is_not_swept_in(world: World) -> None:
    before = world.add([GOOD], provenance="batch-7")
    action = propose(world)
    after = world.add([GOOD], provenance="batch-7")
    assert world.carry_out(action).total == 1
    assert world.statuses([*before, *after]) == ["on_hold", "good"]


def test_nobody_decides_alone(world: World) -> None:
    world.add([GOOD], provenance="batch-7")
    action = propose(world)
    with pytest.raises(SecondOfficerError) as caught:
        world.mass.approve(action.number, "officer-a", action.digest)
    assert caught.value.officer == "officer-a"
    with pytest.raises(SecondOfficerError):
        world.mass.approve(action.number, "officer.a", action.digest)  # looks like the first
    for spelling in ("Officer-a", " officer-a", "officer-a ", "officer-а", ""):  # the last but one: Cyrillic
        with pytest.raises(SelectionError):
            world.mass.approve(action.number, spelling, action.digest)
    with pytest.raises(MassActionStateError):
        list(world.mass.run(action.number, "officer-a"))
    with pytest.raises(IntegrityError), world.engine.begin() as connection:
        connection.execute(
            update(MassActionRow).values(approved_by="officer-a", approved=START, state="approved")
        )
    with pytest.raises(IntegrityError), world.engine.begin() as connection:
        connection.execute(update(MassActionRow).values(state="running"))


def test_a_proposal_is_approved_in_time_or_never(world: World) -> None:
    world.add([GOOD], provenance="batch-7")
    action = propose(world)
    world.now = action.proposed + PROPOSAL_LIFE + timedelta(seconds=1)
    with pytest.raises(MassActionExpiredError) as caught:
        world.mass.approve(action.number, "officer-b", action.digest)
    assert caught.value.ended == action.proposed + PROPOSAL_LIFE
    assert world.mass.action(action.number).state is State.PROPOSED
    world.mass.cancel(action.number, "officer-a")


def test_an_approval_is_begun_in_time_or_never(world: World) -> None:
    serials = world.add([GOOD], provenance="batch-7")
    action = propose(world)
    world.now = action.proposed + PROPOSAL_LIFE  # the last moment
    world.mass.approve(action.number, "officer-b", action.digest)
    world.now += timedelta(seconds=1)
    with pytest.raises(MassActionExpiredError):
        list(world.mass.run(action.number, "officer-b"))
    assert world.statuses(serials) == ["good"]
    assert world.mass.action(action.number).state is State.APPROVED


def test_what_has_begun_is_gone_on_with_at_any_time(world: World) -> None:
    world.add([GOOD] * 9, provenance="batch-7")
    action = propose(world)
    world.mass.approve(action.number, "officer-b", action.digest)
    next(world.mass.run(action.number, "officer-b"))
    world.mass.pause(action.number, "officer-a")
    world.now = action.proposed + PROPOSAL_LIFE + timedelta(days=1)
    assert list(world.mass.run(action.number, "officer-b"))[-1].state is State.DONE


def test_a_release_lifts_only_the_hold_that_was_seen(either_world: World) -> None:
    world = either_world
    stolen, lost, drilled, revoked = serials = world.add([GOOD, GOOD, GOOD, GOOD], provenance="batch-7")
    world.carry_out(propose(world))
    action = propose(world, RELEASE)
    release, hold = RELEASE.change("officer-c"), HOLD.change("officer-c")
    for serial in (stolen, lost):  # lifted and placed anew, within one second
        world.change(serial, release)
        if serial == lost:  # the officers' new hold takes over from the registry's
            world.change(serial, replace(hold, hold=Hold.REGISTRY))
        world.change(serial, hold)
    world.change(revoked, REVOKE.change("officer-c"))
    done = world.carry_out(action)
    assert (done.moved, done.reheld) == (1, 0)
    assert dict(done.skipped) == {"held anew": 2, "revoked": 1}
    assert world.statuses(serials) == ["on_hold", "on_hold", "good", "revoked"]
    assert world.rows([drilled])[0].held_by is None
    world.mass.check(action.number)
    assert world.carry_out(propose(world, RELEASE)).reheld == 1  # seen now, so lifted


def test_a_hold_that_another_one_waits_under_is_told_from_the_next(world: World) -> None:
    """Neither the status nor its version changes while the registry's hold stays under the officers'."""
    (serial,) = world.add([LOST], provenance="batch-7")
    world.carry_out(propose(world))
    action = propose(world, RELEASE)
    before = world.rows([serial])[0].changed
    world.change(serial, RELEASE.change("officer-c"))
    world.change(serial, HOLD.change("officer-c"))
    assert world.rows([serial])[0].changed == before
    assert dict(world.carry_out(action).skipped) == {"held anew": 1}
    assert world.rows([serial])[0].held_by == "officer"


def test_a_release_over_another_one_that_was_not_seen(world: World) -> None:
    """Two proposals for one hold: the second finds it lifted."""
    (serial,) = world.add([GOOD], provenance="batch-7")
    world.carry_out(propose(world))
    first, second = propose(world, RELEASE), propose(world, RELEASE)
    assert world.carry_out(first).moved == 1
    assert dict(world.carry_out(second).skipped) == {"already": 1}
    assert world.statuses([serial]) == ["good"]


def test_holds_that_were_changed_on_record_are_not_lifted(world: World) -> None:
    (serial,) = world.add([GOOD], provenance="batch-7")
    world.carry_out(propose(world))
    action = propose(world, RELEASE)
    world.change(serial, RELEASE.change("officer-c"))
    world.change(serial, HOLD.change("officer-c"))
    version = world.rows([serial])[0].standing_version
    with world.engine.begin() as connection:
        connection.execute(update(MassTarget).values(standing_version=version))
    with pytest.raises(PreviewMismatchError):
        world.carry_out(action)


def test_a_release_that_was_paused_ends_as_one_that_was_not_begun(world: World) -> None:
    world.add([GOOD] * 5, provenance="batch-7")
    world.carry_out(propose(world))
    action = propose(world, RELEASE)
    world.mass.approve(action.number, "officer-b", action.digest)
    next(world.mass.run(action.number, "officer-a"))
    world.mass.pause(action.number, "officer-a")
    world.now = action.proposed + PROPOSAL_LIFE + timedelta(seconds=1)
    with pytest.raises(MassActionExpiredError) as caught:
        list(world.mass.run(action.number, "officer-a"))
    assert caught.value.ended == action.proposed + PROPOSAL_LIFE
    assert world.mass.cancel(action.number, "officer-a").state is State.CANCELLED


def test_what_was_seen_is_what_is_approved(world: World) -> None:
    world.add([GOOD, GOOD], provenance="batch-7")
    action = propose(world)
    wrong = propose(world, RELEASE).digest
    for digest in (wrong, "", "zz", action.digest[:-1]):
        with pytest.raises(PreviewMismatchError):
            world.mass.approve(action.number, "officer-b", digest)
    with Session(world.engine) as session, session.begin():
        one = session.scalars(select(MassTarget).where(MassTarget.action == action.number)).first()
        assert one is not None
        session.delete(one)
    with pytest.raises(PreviewMismatchError):
        world.mass.approve(action.number, "officer-b", action.digest)
    with pytest.raises(PreviewMismatchError):
        world.mass.check(action.number)


@pytest.mark.parametrize(
    "forgery", [{"kind": "release"}, {"note": "x"}, {"selection": "{}"}, {"proposed_by": "officer-c"}]
)
def test_a_proposal_that_was_changed_on_record_goes_no_further(world: World, forgery: dict[str, str]) -> None:
    serials = world.add([GOOD], provenance="batch-7")
    action = propose(world)
    with world.engine.begin() as connection:
        connection.execute(update(MassActionRow).values(forgery))
    for step in (world.mass.approve, world.mass.check):
        with pytest.raises(PreviewMismatchError):
            step(*((action.number, "officer-b", action.digest) if step == world.mass.approve else (1,)))
    assert world.statuses(serials) == ["good"]


def test_parts_keep_to_partitions_and_to_their_size(world: World) -> None:
    world.add([GOOD] * 5, provenance="batch-7")  # in four partitions: one, two, one, one
    world.add([GOOD] * 8, issuer="citizen-sign-g1", provenance="batch-7")  # in one
    done = world.carry_out(propose(world))
    with Session(world.engine) as session:
        parts = list(session.scalars(select(MassPart).order_by(MassPart.part)))
    assert done.parts == len(parts) == 2 + 3
    assert all(part.moved <= world.part_size for part in parts)
    sharded = [part for part in parts if part.issuer == "citizen-auth-g1"]
    for part, following in pairwise(sharded):
        assert part.last_shard < following.first_shard, "a partition was cut though it fits"
    assert [part.moved for part in parts if part.issuer == "citizen-sign-g1"] == [3, 3, 2]


def test_each_part_is_one_status_version_and_one_audit_entry(either_world: World) -> None:
    world = either_world
    serials = world.add([GOOD] * 7, issuer="citizen-sign-g1", provenance="batch-7")
    done = world.carry_out(propose(world))
    assert world.version("citizen-sign-g1") == done.parts == 3
    by_version: dict[int, list[int]] = {}
    for row in world.rows(serials):
        by_version.setdefault(row.changed, []).append(row.serial)
    entries = [entry for entry in events(world) if entry.action == "mass.hold"]
    for entry in entries:
        changed = sorted(by_version[entry.details["status_version"]])  # type: ignore[index]
        assert entry.details["moved"] == len(changed)
        octets = b"".join(serial.to_bytes(16, "big") for serial in changed)
        assert entry.details["serials"] == hashlib.sha256(octets).hexdigest()
    assert [entry.action for entry in events(world)] == [
        "mass.proposed",
        "mass.approved",
        "mass.running",
        *["mass.hold"] * 3,
        "mass.done",
    ]


def test_parts_in_which_nothing_moves_publish_nothing(world: World) -> None:
    world.add([REVOKED] * 4, issuer="citizen-sign-g1", provenance="batch-7")
    done = world.carry_out(propose(world))
    assert (done.moved, dict(done.skipped)) == (0, {"revoked": 4})
    assert world.version("citizen-sign-g1") == 0


def test_a_run_can_stop_anywhere_and_go_on(world: World) -> None:
    serials = world.add([GOOD] * 8, issuer="citizen-sign-g1", provenance="batch-7")
    action = propose(world)
    world.mass.approve(action.number, "officer-b", action.digest)
    first = next(world.mass.run(action.number, "officer-b"))  # then the process dies
    assert (first.done, first.state) == (3, State.RUNNING)
    assert world.mass.pause(action.number, "officer-a").state is State.PAUSED
    with pytest.raises(MassActionStateError):
        world.mass.pause(action.number, "officer-a")
    again = list(world.mass.run(action.number, "officer-c"))
    assert [progress.done for progress in again] == [6, 8, 8]
    assert again[-1].state is State.DONE
    assert world.statuses(serials) == ["on_hold"] * 8
    assert world.version("citizen-sign-g1") == 3
    with pytest.raises(MassActionStateError):
        list(world.mass.run(action.number, "officer-c"))


def test_a_pause_or_a_cancellation_stops_a_run_under_way(world: World) -> None:
    serials = world.add([GOOD] * 8, issuer="citizen-sign-g1", provenance="batch-7")
    action = propose(world)
    world.mass.approve(action.number, "officer-b", action.digest)
    run = world.mass.run(action.number, "officer-b")
    next(run)
    world.mass.pause(action.number, "officer-a")
    assert [progress.state for progress in run] == [State.PAUSED]
    run = world.mass.run(action.number, "officer-b")
    next(run)
    cancelled = world.mass.cancel(action.number, "officer-a")
    assert (cancelled.state, cancelled.closed) == (State.CANCELLED, START.replace(microsecond=0))
    assert [(progress.state, progress.done) for progress in run] == [(State.CANCELLED, 6)]
    assert sorted(world.statuses(serials)) == ["good"] * 2 + ["on_hold"] * 6
    world.mass.check(action.number)
    for step in (world.mass.pause, world.mass.cancel):
        with pytest.raises(MassActionStateError):
            step(action.number, "officer-a")


def test_two_runs_share_the_parts(world: World) -> None:
    world.add([GOOD] * 8, issuer="citizen-sign-g1", provenance="batch-7")
    action = propose(world)
    world.mass.approve(action.number, "officer-b", action.digest)
    one, other = (world.mass.run(action.number, officer) for officer in ("officer-b", "officer-c"))
    counts = [next(run).done for run in (one, other, one, other)]
    assert counts == [3, 6, 8, 8]
    assert list(one)[-1].moved == 8
    assert world.version("citizen-sign-g1") == 3


@pytest.mark.parametrize(("terms", "status"), [(HOLD, "on_hold"), (REVOKE, "revoked")])
def test_what_must_be_stopped_is_stopped_whatever_the_clock_says(
    world: World, terms: Terms, status: str
) -> None:
    serials = world.add([GOOD] * 4, provenance="batch-7")
    record_a_time(world)
    world.now -= timedelta(hours=2)
    action = propose(world, terms)
    world.mass.approve(action.number, "officer-b", action.digest)
    assert list(world.mass.run(action.number, "officer-b"))[-1].moved == 4
    assert set(world.statuses(serials)) == {status}


def test_nothing_is_released_when_the_clock_was_set_back(world: World) -> None:
    serials = world.add([GOOD] * 4, provenance="batch-7")
    held = propose(world)
    world.mass.approve(held.number, "officer-b", held.digest)
    list(world.mass.run(held.number, "officer-b"))
    action = propose(world, RELEASE)
    world.mass.approve(action.number, "officer-b", action.digest)
    record_a_time(world)
    world.now -= timedelta(hours=2)
    with pytest.raises(ClockSetBackError):
        list(world.mass.run(action.number, "officer-b"))
    with pytest.raises(ClockSetBackError):
        propose(world, RELEASE)
    assert world.statuses(serials) == ["on_hold"] * 4
    world.now += timedelta(hours=3)
    assert list(world.mass.run(action.number, "officer-b"))[-1].moved == 4


def record_a_time(world: World) -> None:
    """An entry of the kind that a clock is held against."""
    with Session(world.engine) as session, session.begin():
        record_events(session, [Event(world.now, "tester", "certificate.issued", "one", {})])


SELECTIONS: dict[str, tuple[Selection, set[int]]] = {
    "issuer": (Selection(issuers=frozenset({"citizen-sign-g1"})), {4}),
    "role": (Selection(roles=frozenset({Role.CITIZEN_AUTHENTICATION})), {0, 1, 2, 3}),
    "profile": (Selection(profiles=frozenset({Profile.SIGNATURE})), {4}),
    "key kind": (Selection(key_kinds=frozenset({KeyKind.RSA2048})), {2}),
    "provenance": (Selection(provenances=frozenset({"batch-1", "batch-2"})), {1, 3}),
    "status": (Selection(statuses=frozenset({Status.ON_HOLD})), {3}),
    "hold": (Selection(holds=frozenset({Hold.REGISTRY})), {3}),
    "two criteria": (
        Selection(statuses=frozenset({Status.GOOD}), provenances=frozenset({"batch-1", "batch-2"})),
        {1},
    ),
    "issued": (Selection(issued=Window(START.replace(microsecond=0) - LIFE + timedelta(days=2))), {4}),
    "expires": (
        Selection(expires=Window(until=START.replace(microsecond=0) + timedelta(days=2))),
        {0, 1, 2, 3},
    ),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_selections_mean_what_they_say(world: World, name: str) -> None:
    serials = world.add([GOOD])
    serials += world.add([GOOD], provenance="batch-1")
    serials += world.add([GOOD], key_kind=KeyKind.RSA2048)
    serials += world.add([LOST], provenance="batch-2")
    world.now += timedelta(days=30)
    serials += world.add([GOOD], issuer="citizen-sign-g1")
    world.now -= timedelta(days=30)
    selection, expected = SELECTIONS[name]
    action = propose(world, selection=selection)
    with Session(world.engine) as session:
        found = set(session.scalars(select(MassTarget.serial).where(MassTarget.action == action.number)))
    assert found == {serials[index] for index in expected}


def test_a_list_of_serials_is_taken_with_the_other_criteria(world: World) -> None:
    serials = world.add([GOOD, LOST, GOOD])
    wanted = listed([*serials, 12345])
    action = propose(world, selection=Selection(serials=wanted, statuses=frozenset({Status.GOOD})))
    preview = json.loads(action.preview)
    assert (preview["total"], preview["listed"]) == (2, 4)
    assert json.loads(action.selection)["serials"] == {"count": 4, "sha256": serials_digest(wanted)}


def test_the_authoritys_own_certificates_are_never_selected(world: World) -> None:
    world.add([GOOD])
    with world.engine.begin() as connection:
        connection.execute(update(CertificateRow).values(profile="ocsp_responder"))
    with pytest.raises(SelectionError):
        propose(world, selection=Selection(issuers=frozenset({"citizen-auth-g1"})))


@pytest.mark.parametrize(
    ("selection", "terms", "field"),
    [
        (Selection(), HOLD, "selection"),
        (Selection(serials=None, provenances=frozenset({"none"})), HOLD, "selection"),
        (Selection(profiles=frozenset({Profile.ROOT_CA})), HOLD, "profiles"),
        (Selection(issued=Window(START, START)), HOLD, "issued"),
        (Selection(issued=Window(START.replace(microsecond=0, tzinfo=None))), HOLD, "issued"),
        (Selection(provenances=frozenset(map(str, range(MAX_CHOICES + 1)))), HOLD, "selection"),
        (BATCH, Terms(Kind.HOLD, ""), "note"),
        (BATCH, Terms(Kind.HOLD, "x" * (MAX_NOTE + 1)), "note"),
        (BATCH, Terms(Kind.HOLD, "x", RevocationReason.SUPERSEDED), "reason"),
        (BATCH, Terms(Kind.REVOKE, "x"), "reason"),
        (BATCH, Terms(Kind.REVOKE, "x", RevocationReason.CERTIFICATE_HOLD), "reason"),
        (
            BATCH,
            Terms(Kind.REVOKE, "x", RevocationReason.SUPERSEDED, START + timedelta(days=1)),
            "invalidity_date",
        ),
    ],
)
def test_impossible_proposals_name_the_field_and_leave_nothing(
    world: World, selection: Selection, terms: Terms, field: str
) -> None:
    world.add([GOOD], provenance="batch-7")
    with pytest.raises(SelectionError) as caught:
        propose(world, terms, selection)
    assert caught.value.field == field
    assert world.mass.actions() == []
    with Session(world.engine) as session:
        assert session.scalars(select(MassTarget)).all() == []
    assert events(world) == []


@pytest.mark.parametrize("serials", [[], [0], [-1], [1 << 127]])
def test_lists_hold_serials(serials: list[int]) -> None:
    with pytest.raises(SelectionError):
        listed(serials)


@pytest.mark.parametrize("step", ["action", "progress", "check"])
def test_unknown_numbers_are_told(world: World, step: str) -> None:
    with pytest.raises(UnknownMassActionError):
        getattr(world.mass, step)(7)
    with pytest.raises(UnknownMassActionError):
        world.mass.approve(7, "officer-b", "")


def test_a_changed_skip_shows(world: World) -> None:
    serials: Any = world.add([GOOD, REVOKED], issuer="citizen-sign-g1", provenance="batch-7")
    action = propose(world)
    world.carry_out(action)
    world.mass.check(action.number)
    with world.engine.begin() as connection:
        connection.execute(text("DELETE FROM mass_action_skips"))
    with pytest.raises(PreviewMismatchError):
        world.mass.check(action.number)
    assert len(serials) == 2
