"""The vocabulary of the wire and of the cores: structs, units and the closed list of problems."""
