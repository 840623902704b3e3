"""Private keys behind one `Signer` protocol, and keys derived from master keys."""
