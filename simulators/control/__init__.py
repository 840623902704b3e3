"""What a hand would do at readers, for scripts and CI: insert, remove, swap, under any conditions."""
