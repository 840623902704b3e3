"""The relying side: checks who logs in with a card, for the sites that are registered here."""
