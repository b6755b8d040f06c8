"""Sensirion SHT30, SHT31, SHT35 and SHTC3 on I2C."""
