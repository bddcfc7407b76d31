"""From series to the array an approach reads."""
