"""`coldwatch enroll`: certificates for devices, on the hub and on the Pi."""
