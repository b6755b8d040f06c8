"""DHT22 (AM2302): humidity and temperature of a room, by a child process."""
