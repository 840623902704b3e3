"""The registry: from an application to a delivered card, and the card's life after that."""
