"""Relying sites: who may ask for logins, for which origin, and with which key."""
