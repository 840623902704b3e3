"""What people do, done by program: operators over the registry's JSON API, citizens with a card and a site."""
