"""OCSP (RFC 6960, RFC 5019, RFC 9654): strict requests, answers signed live."""
