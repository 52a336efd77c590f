"""Files of any kind: replaced as a whole, and read packed or not."""
