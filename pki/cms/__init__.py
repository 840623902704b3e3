"""Signed data (CMS, RFC 5652) of travel documents: the document security object and the CSCA master list."""
