"""`hoviat bench login`: limits, load, and the logins themselves."""
