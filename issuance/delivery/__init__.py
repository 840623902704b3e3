"""Handing a card to its person: only here do its certificates become good."""
