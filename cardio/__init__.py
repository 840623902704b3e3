"""Everything said to a card: encodings, transports, and one session class per card application."""
