"""Who looked at whose record, when and why: written with each look, told to its person."""
