"""The PKI disclosure statement to which signature certificates point (ETSI EN 319 411-1 Annex A)."""

STATEMENT = """\
PKI disclosure statement

Issuers: the citizen signature CA and the citizen authentication CA of this Hoviat installation, one of each
in every generation. An issuer's certificate, CRL and OCSP addresses stand in every certificate it issues.
Certificates: one for qualified signatures (QCP-n-qscd) and one for authentication (NCP+), on a citizen's
national ID card. The keys are made on the card and cannot leave it. Certificates become valid when the card
has been handed to its holder.
Holders: keep the card and its PIN apart, and report a lost or stolen card to the registry at once.
Relying parties: check the path, the purpose, the validity and the status (OCSP or CRL) of every certificate
at the time of use. Caches may delay a revocation by up to one minute; a CRL is valid for one day at most.
"""
