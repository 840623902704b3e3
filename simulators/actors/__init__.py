"""What people do, done by program: operators over the registry's API, citizens with a card and a site."""
