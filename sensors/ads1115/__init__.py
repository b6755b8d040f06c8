"""ADS1115 on I2C: voltages, and what a sensor makes of them."""
