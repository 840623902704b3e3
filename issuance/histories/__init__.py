"""What happened to a citizen, an order, a card or a batch: who, what, when, why."""
