"""Any file that a Linux hwmon or IIO driver offers."""
