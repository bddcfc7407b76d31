"""From series to the array an approach reads: a module for each kind of input, named like it, and what they share."""
