"""GlobalPlatform, seen from the terminal: SCP03 (GPCS 2.3.1 Amendment D) and the issuer security domain."""
