"""The cloud: one ComponentResource a file. Arguments name relations, and a component grants exactly those."""
