"""`hoviat pki clock`: is the clock behind what is on record, and which of the two is right?"""

import click
from sqlalchemy.orm import Session

from pki.authority.record import CLOCK_TOLERANCE, confirm_clock, recorded_time
from pki.clock import utc_now
from pki.commandline import json_option as _json_option
from pki.commandline import note_option as _note_option
from pki.commandline import opened_database, show, sign_home_record
from pki.massactions.values import officer_label


@click.command()
@click.option(
    "--confirm", "officer", metavar="OFFICER", help="Say that the clock is right and the record was ahead."
)
@_note_option
@_json_option
def clock(officer: str | None, note: str, *, as_json: bool) -> None:
    """Compare the clock with the newest time on record; nothing is signed while it is behind that.

    Set the clock right first. Should it have been ahead once, so that the record holds a time which has not
    come yet, an officer confirms the present time with --confirm; that is recorded.
    """
    with opened_database() as engine:
        with Session(engine) as session, session.begin():
            now, newest = utc_now(), recorded_time(session).time
            behind = newest is not None and now < newest - CLOCK_TOLERANCE
            if officer is not None:
                if not behind:
                    raise click.ClickException("the clock is not behind the record: nothing to confirm")
                confirm_clock(session, now, officer_label(officer), note)
        if officer is not None:
            sign_home_record()
    state = "behind" if behind and officer is None else "right"
    data: dict[str, object] = {
        "now": now.isoformat(timespec="seconds"),
        "on_record": newest.isoformat(timespec="seconds") if newest else None,
        "clock": state,
    }
    recorded = f"; {newest:%F %T} is on record" if newest else ""
    confirmed = "" if officer is None else f"; confirmed by {officer}, on record"
    show(data, f"the clock says {now:%F %T} UTC{recorded}: it is {state}{confirmed}", as_json)
