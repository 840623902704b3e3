"""Keys on a PKCS#11 token. `module` is the one door to the vendor's library; keys never leave the token."""
