"""Kinds of cards that testers need, as data files, and how one of each is made in a home."""
