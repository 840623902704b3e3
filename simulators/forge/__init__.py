"""Authorities, cards and Web eID tokens made on the spot, right or wrong in exactly one way.

For tests, benchmarks and samples: no chip is simulated here, only what would come out of one.
"""
