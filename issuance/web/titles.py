"""Titles of problems that are more than their class's: one for each stable `type`, in English, translated.

The pages show them in Persian in the place of the English detail; a class of errors that has neither a title
in `issuance.web.problems` nor one here is found by `tests/unit/issuance/web/test_problem_titles.py`.
"""


def N_(message: str) -> str:  # noqa: N802 - the usual name of a mark for translation
    """Marks a text for translation where it stands; it is translated where it is shown."""
    return message


TITLES = {
    "bodies-known": N_("Some of these bodies are on record from another batch"),
    "body-not-in-stock": N_("This body is not in your office's stock, or is kept for another order"),
    "body-used": N_("This body has served for a card already"),
    "card-expired": N_("The card's printed date has passed; it needs a replacement"),
    "count-mismatch": N_("The two counts differ; count again"),
    "decree-decided": N_("This decree has been decided already"),
    "decree-exists": N_("There is a decree of this number already"),
    "delivery-note-taken": N_("This delivery note is on record already"),
    "elsewhere": N_("These bodies belong to another office"),
    "erased-already": N_("The erasure is done, or another one is under way"),
    "foreign-form": N_("This form is not from your own page; open the page again"),
    "hub-start": N_("Stations can't be served now"),
    "key-versions-used-up": N_("The card has had all channel keys there are; replace it"),
    "mass-action-busy": N_("Another mass action is at work; wait for its end"),
    "not-a-blank": N_("This is no blank card of ours"),
    "not-erasable": N_("The person has a live card or application, or records that the law keeps"),
    "not-taken-over": N_("Take this application over before you edit it"),
    "not-waiting": N_("This order does not wait in the queue"),
    "nothing-selected": N_("No live card's key meets this selection"),
    "nothing-to-void": N_("This run or renewal has ended already"),
    "order-held": N_("Somebody else has begun with this order"),
    "order-not-held": N_("This order is not held since a restore"),
    "order-not-reconciled": N_("Look first whether this card was made before the restore"),
    "overtaken": N_("Somebody else went on with this meanwhile; look again"),
    "own-erasure": N_("Somebody else has to confirm the erasure"),
    "production-running": N_("The card is still being made; wait for its end"),
    "proposal-over": N_("This proposal is too old; propose it anew"),
    "read-back": N_("What the card holds is not what was written to it"),
    "no-place": N_("This office's places for making cards are all taken"),
    "reader-in-use": N_("Another card is being made in this reader"),
    "run-overtaken": N_("Another server went on with this card; look again"),
    "selection-changed": N_("What the selection means has changed; propose it anew"),
    "starter-gone": N_("Who started this batch may not make cards any more"),
    "slip-expired": N_("This slip has expired"),
    "slip-forged": N_("This slip was changed, or is not ours"),
    "slip-key": N_("This slip is signed with an unknown key"),
    "slip-malformed": N_("This is no slip of ours"),
    "station-exists": N_("There is, or was, a station of this name"),
    "station-not-admitted": N_("This station is not admitted"),
    "station-revoked": N_("This station was revoked; add another one"),
    "station-status": N_("It can't be told whether this station may connect"),
    "unknown-keys": N_("The card opens with none of its recorded keys"),
    "wrong-card": N_("This is another card than the one that was begun"),
}
