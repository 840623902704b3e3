"""Servers on one PostgreSQL share the queue: no order is lost, none is made twice, though one is killed."""

import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from issuance.enrolment.models import Application
from issuance.orders.models import Order
from issuance.orders.repository import CLAIM_LEASE
from tests.depot import PRODUCER, Depot, open_depot

ROOT = Path(__file__).parents[3]
ORDERS = 300
KILLED_AFTER = 40


def server(url: str, stops_after: int = 0) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.integration.issuance.queueworker", url, str(stops_after)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def said(output: str, what: str) -> list[str]:
    return [line.split()[1] for line in output.splitlines() if line.startswith(f"{what} ")]


def killed_while_holding(process: "subprocess.Popen[str]") -> str:
    """What it said until it held its last order, and then died."""
    assert process.stdout is not None
    lines: list[str] = []
    while sum(line.startswith("took ") for line in lines) < KILLED_AFTER:
        line = process.stdout.readline()
        assert line, "the server ended before it was killed"
        lines.append(line)
    process.kill()
    process.wait(timeout=60)
    process.stdout.close()
    return "".join(lines)


@pytest.mark.slow
def test_two_servers_and_one_that_is_killed(postgres_url: str) -> None:
    with open_depot(postgres_url) as depot:
        orders = [depot.approved() for _ in range(ORDERS)]
        doomed, survivor = server(postgres_url, KILLED_AFTER), server(postgres_url)
        dead = killed_while_holding(doomed)
        living, _ = survivor.communicate(timeout=400)
        assert survivor.returncode == 0
        (held,) = set(said(dead, "took")) - set(said(dead, "made"))
        made = Counter(said(dead, "made") + said(living, "made"))
        assert set(made.values()) == {1}
        assert set(made) == set(orders) - {held}
        assert depot.orders.take(PRODUCER) is None  # the dead one's lease holds
        depot.clock.now = lease_end(depot, held)
        taken = depot.orders.take(PRODUCER)
        assert taken is not None
        assert taken.application_id == held
        with depot.database.reading() as session:
            states = select(Application.state, func.count()).group_by(Application.state)
            found = {row[0]: row[1] for row in session.execute(states)}
        assert found == {"ready": ORDERS - 1, "approved": 1}


def lease_end(depot: Depot, application: str) -> datetime:
    with depot.database.reading() as session:
        expires = session.get_one(Order, application).lease_expires_at
    assert expires is not None
    return expires + CLAIM_LEASE
