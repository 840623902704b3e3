"""Whose word opens operators' accounts, and citizens' own records: two administrators decide, on record."""

from pathlib import Path

from issuance.audit import Audit
from issuance.database import Database
from issuance.operators.errors import SecondAdministratorError
from issuance.operators.models import Role
from issuance.operators.service import Actor
from issuance.verifiersite import ask_challenge, write_site
from pki.home import Home


def connect_to(
    home: Home,
    database: Database,
    audit: Audit,
    administrators: tuple[Actor, Actor],
    verifier: str,
    api_key: str,
    file: str,
) -> None:
    """Makes the registry a site of the verifier at that address; `file` is one of `verifiersite`.

    The entry in the audit chain is there before the file is: an entry too many says more than one too few.
    Raises RoleRequiredError, SecondAdministratorError, CardLoginUnavailableError where that verifier gives no
    challenge for this key, OSError where the file can't be written.
    """
    first, second = administrators
    for administrator in administrators:
        administrator.require(Role.ADMINISTRATOR)
    if first.username == second.username:
        raise SecondAdministratorError
    address = verifier.rstrip("/")
    ask_challenge(address, api_key)
    with database.writing() as session:
        details = {"second": second.username, "verifier": address}
        audit.record(session, first.username, "verifier.connected", f"site:{Path(file).stem}", details)
    write_site(home, address, api_key, file)
