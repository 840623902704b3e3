"""Decrees: the validity of a cohort of cards extended, apart from the date that is printed on them."""
