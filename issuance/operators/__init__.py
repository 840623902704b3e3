"""Operators of the registry: their passwords, sessions and roles."""
