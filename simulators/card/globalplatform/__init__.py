"""The issuer security domain and Secure Channel Protocol '03' (GlobalPlatform Card Specification 2.3.1)."""
