"""The form of serial numbers, for whoever makes them and for the rule that checks them."""

SERIAL_OCTETS = 16
SERIAL_BITS = SERIAL_OCTETS * 8
