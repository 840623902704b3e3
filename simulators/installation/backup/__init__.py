"""One consistent, signed set of a home, taken while it serves, and the way back from it.

A set is one file: a tar of the databases' snapshots and the home's files, then a manifest with the SHA-256 of
each part and the heads of the three audit chains, then its signature by the checkpoint key; all of it
encrypted under a passphrase if one is given.
"""
