"""The only room that reads the environment, the clock and randomness; wires the others together."""
