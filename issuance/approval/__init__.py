"""The second pair of eyes: approve, return or refuse what somebody else enrolled."""
