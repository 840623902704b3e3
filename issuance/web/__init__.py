"""What faces the network: pages, problem documents, access, headers and limits."""
