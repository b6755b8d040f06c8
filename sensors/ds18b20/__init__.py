"""DS18B20 on the kernel's 1-Wire bus."""
