"""Batch production: several readers work through the queue while blanks are put in."""
