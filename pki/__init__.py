"""Everything signed: keys, profiles, the certificate authority, status, validation, audit."""
