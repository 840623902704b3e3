"""Personalisation: an approved application and a blank card body become a card ready for delivery."""
