"""The demo: three sites, six fridges, a broker, a hub, a modem and a bad day, all for real but the hardware."""
