"""A synthetic people: anyone's record is computed from a seed and a number, nothing is stored."""
