"""The PIV card application (NIST SP 800-73-5): data model and commands, seen from the terminal."""
