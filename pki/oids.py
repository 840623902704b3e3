"""Object identifiers, named as their specifications name them."""

from typing import Final

# Distinguished names: ITU-T X.520, RFC 5280 Appendix A.1
COMMON_NAME: Final = "2.5.4.3"
SURNAME: Final = "2.5.4.4"
SERIAL_NUMBER: Final = "2.5.4.5"
COUNTRY_NAME: Final = "2.5.4.6"
ORGANIZATION_NAME: Final = "2.5.4.10"
LOCALITY_NAME: Final = "2.5.4.7"
GIVEN_NAME: Final = "2.5.4.42"
EMAIL_ADDRESS: Final = "1.2.840.113549.1.9.1"

# Certificate and CRL extensions: RFC 5280 §4.2, §5.2, §5.3
SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
PRIVATE_KEY_USAGE_PERIOD: Final = "2.5.29.16"  # RFC 3280 §4.2.1.4, kept by ICAO Doc 9303-12
SUBJECT_ALT_NAME: Final = "2.5.29.17"
ISSUER_ALT_NAME: Final = "2.5.29.18"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
CRL_NUMBER: Final = "2.5.29.20"
CRL_REASON: Final = "2.5.29.21"
INVALIDITY_DATE: Final = "2.5.29.24"
DELTA_CRL_INDICATOR: Final = "2.5.29.27"
ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
CERTIFICATE_ISSUER: Final = "2.5.29.29"
NAME_CONSTRAINTS: Final = "2.5.29.30"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
CERTIFICATE_POLICIES: Final = "2.5.29.32"
ANY_POLICY: Final = "2.5.29.32.0"
POLICY_MAPPINGS: Final = "2.5.29.33"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
FRESHEST_CRL: Final = "2.5.29.46"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"
AUTHORITY_INFO_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
QC_STATEMENTS: Final = "1.3.6.1.5.5.7.1.3"  # RFC 3739 §3.2.6

# Key purposes: RFC 5280 §4.2.1.12, RFC 6960 §4.2.2.2
SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"
CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"

PIV_CARD_AUTHENTICATION: Final = "2.16.840.1.101.3.6.8"  # FIPS 201-3 §4.2.2.3, id-PIV-cardAuth
ICAO_MASTER_LIST_SIGNING: Final = "2.23.136.1.1.3"  # ICAO Doc 9303-12 §7.1, id-icao-cscaMasterListSigningKey

# Travel documents: ICAO Doc 9303-12 §7.1
ICAO_NAME_CHANGE: Final = "2.23.136.1.1.6.1"
ICAO_DOCUMENT_TYPE_LIST: Final = "2.23.136.1.1.6.2"
ICAO_LDS_SECURITY_OBJECT: Final = "2.23.136.1.1.1"  # Doc 9303-10 §4.6.2.3
ICAO_CSCA_MASTER_LIST: Final = "2.23.136.1.1.2"  # Doc 9303-12 §9

# Signed data: RFC 5652 §5.1, §11
CMS_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
CMS_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
CMS_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
CMS_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"

# OCSP: RFC 6960 §4.2.1, §4.2.2.2.1, §4.4.1, §4.4.4, §4.4.8
OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
OCSP_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
OCSP_NOCHECK: Final = "1.3.6.1.5.5.7.48.1.5"
OCSP_ARCHIVE_CUTOFF: Final = "1.3.6.1.5.5.7.48.1.6"
OCSP_EXTENDED_REVOKE: Final = "1.3.6.1.5.5.7.48.1.9"

# Hashes: RFC 3279 §2.1, RFC 5754 §2
SHA1: Final = "1.3.14.3.2.26"
SHA256: Final = "2.16.840.1.101.3.4.2.1"
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"

# Signatures: RFC 5758 §3.2, RFC 4055 §5
ECDSA_WITH_SHA256: Final = "1.2.840.10045.4.3.2"
ECDSA_WITH_SHA384: Final = "1.2.840.10045.4.3.3"
ECDSA_WITH_SHA512: Final = "1.2.840.10045.4.3.4"
SHA256_WITH_RSA: Final = "1.2.840.113549.1.1.11"
SHA384_WITH_RSA: Final = "1.2.840.113549.1.1.12"
SHA512_WITH_RSA: Final = "1.2.840.113549.1.1.13"
RSA_ENCRYPTION: Final = "1.2.840.113549.1.1.1"

# Qualified certificate statements: ETSI EN 319 412-1 §5.1, EN 319 412-5 §4, RFC 3739 §3.2.6.1
QCS_PKIXQCSYNTAX_V2: Final = "1.3.6.1.5.5.7.11.2"
SEMANTICS_ID_NATURAL: Final = "0.4.0.194121.1.1"
QC_COMPLIANCE: Final = "0.4.0.1862.1.1"
QC_SSCD: Final = "0.4.0.1862.1.4"
QC_PDS: Final = "0.4.0.1862.1.5"
QC_TYPE: Final = "0.4.0.1862.1.6"
QCT_ESIGN: Final = "0.4.0.1862.1.6.1"
QC_CC_LEGISLATION: Final = "0.4.0.1862.1.7"

# Certificate policies: ETSI EN 319 411-1 §5.3, EN 319 411-2 §5.3
NCP_PLUS: Final = "0.4.0.2042.1.2"
QCP_N_QSCD: Final = "0.4.0.194112.1.2"

# Hoviat's own arc, until a nation names its own: the UUID f338b7a3-9d04-4705-8cc5-57bb009be143 cut into arcs
# below the one that Microsoft keeps for that. As one arc below 2.25 (ITU-T X.667 §7) it has 128 bits, and
# readers that keep arcs in 32 bits refuse the certificate; pkilint's is one.
HOVIAT: Final = "1.2.840.113556.1.8000.2554.62264.47011.40196.18181.36037.5749504.10215747"
HOVIAT_AUTHENTICATION_POLICY: Final = f"{HOVIAT}.1.1"
HOVIAT_SIGNATURE_POLICY: Final = f"{HOVIAT}.1.2"
HOVIAT_CARD_POLICY: Final = f"{HOVIAT}.1.3"
HOVIAT_OPERATOR_POLICY: Final = f"{HOVIAT}.1.4"
HOVIAT_STATION_POLICY: Final = f"{HOVIAT}.1.5"
HOVIAT_SERVICE_POLICY: Final = f"{HOVIAT}.1.6"
HOVIAT_SEAL_POLICY: Final = f"{HOVIAT}.1.7"

# Encrypted key files: RFC 8018 Appendix A.4 and B.2.5, RFC 7914 §7
PBES2: Final = "1.2.840.113549.1.5.13"
SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"
AES256_CBC: Final = "2.16.840.1.101.3.4.1.42"
