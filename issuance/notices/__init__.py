"""The outbox of messages to holders: written with what they tell of, sent afterwards, at least once."""
