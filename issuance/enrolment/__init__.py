"""Applications: who asks for a card, confirmed by the civil register, with a portrait fit for it."""
