"""Who stands at a reader's PIN pad, and what is pressed there."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulators.control.conditions import ConditionsError
from simulators.readers.pinpad import NoEntry, Prompt

_MOST_DIGITS = 16
_OTHERWISE = "otherwise"
_PROMPTS = {prompt.name.lower(): prompt for prompt in Prompt}
# What is pressed where nothing of its own was ordered: the same as elsewhere.
_LIKE = {Prompt.CURRENT_PIN: Prompt.PIN, Prompt.NEW_PIN_AGAIN: Prompt.NEW_PIN}


@dataclass(frozen=True)
class PadKeys:
    """The keys for each prompt; at a prompt without any, what `otherwise` says comes of it."""

    digits: Mapping[Prompt, str] = field(default_factory=dict, repr=False)
    otherwise: NoEntry = NoEntry.TIMED_OUT

    @classmethod
    def from_json(cls, value: object) -> "PadKeys":
        """From an object with any of `pin`, `current_pin`, `new_pin`, `new_pin_again`, `otherwise`.

        Left out, `current_pin` is `pin`, and `new_pin_again` is `new_pin`; `otherwise` is cancel or timeout.

        :raises ConditionsError: another field, or a value that can't be
        """
        if not isinstance(value, dict):
            raise ConditionsError("pad", "is an object")
        unknown = value.keys() - _PROMPTS.keys() - {_OTHERWISE}
        if unknown:
            raise ConditionsError(sorted(map(str, unknown))[0], "is unknown")
        digits = {_PROMPTS[name]: _digits(name, keys) for name, keys in value.items() if name != _OTHERWISE}
        return cls(digits, _no_entry(value.get(_OTHERWISE, NoEntry.TIMED_OUT.value)))

    def __call__(self, prompt: Prompt) -> str | NoEntry:
        """What is pressed at a prompt. A pad that times out does so at once."""
        return self.digits.get(prompt) or self.digits.get(_LIKE.get(prompt, prompt)) or self.otherwise


def _digits(name: str, keys: object) -> str:
    if not (isinstance(keys, str) and keys.isascii() and keys.isdigit() and len(keys) <= _MOST_DIGITS):
        raise ConditionsError(name, f"is 1 to {_MOST_DIGITS} digits")
    return keys


def _no_entry(value: object) -> NoEntry:
    try:
        return NoEntry(value)
    except ValueError:
        raise ConditionsError(_OTHERWISE, "is cancel or timeout") from None
