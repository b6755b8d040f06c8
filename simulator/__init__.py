"""Stand-ins for hardware: fridges, probes and a modem. Programs of their own; the product never imports them."""
