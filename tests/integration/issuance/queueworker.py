"""A server's process that takes orders from the queue and makes them, for `test_queue_processes`.

It prints `took ID` before it begins an order and `made ID` after; with a number, it stands still after so
many takes, holding the last one.
"""

import sys
import threading

from issuance.enrolment.repository import get_application, move
from issuance.lifecycle.states import ApplicationEvent
from issuance.orders.repository import begin
from tests.depot import PRODUCER, Depot, depot_at


def make(depot: Depot, application: str, holder: str) -> None:
    with depot.database.writing() as session:
        begin(session, application, holder, depot.clock())
        move(get_application(session, application), ApplicationEvent.START_PRODUCTION)
    with depot.database.writing() as session:
        move(get_application(session, application), ApplicationEvent.FINISH_PRODUCTION)


def main(url: str, stops_after: int) -> None:
    depot = depot_at(url)
    takes = 0
    while (taken := depot.orders.take(PRODUCER)) is not None:
        print(f"took {taken.application_id}", flush=True)  # noqa: T201 - what the test reads
        takes += 1
        if takes == stops_after:
            threading.Event().wait()  # until it is killed
        make(depot, taken.application_id, taken.holder)
        print(f"made {taken.application_id}", flush=True)  # noqa: T201 - what the test reads
    depot.database.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
