"""Logins: challenge, token, receipt and audit as one."""
