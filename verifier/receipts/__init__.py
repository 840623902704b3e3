"""Receipts: one short code per attempt, which site, citizen and help desk can share."""
