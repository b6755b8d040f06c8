"""A PT100 behind a MAX31865 on SPI."""
