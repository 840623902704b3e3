"""Offices: where people apply, where bodies lie, where cards are made and handed over."""
