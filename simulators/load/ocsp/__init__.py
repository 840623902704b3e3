"""`hoviat bench ocsp`: answers over HTTP, against what the same server and the same keys can do at most."""
