"""The relying side: who logs in with a card, and the receipt that says why or why not."""
