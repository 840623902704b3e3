"""The way from those who verify logins to the one who records them, in a thread or a process of its own."""
