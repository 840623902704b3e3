"""The PIV card application (NIST SP 800-73-5 part 2)."""
