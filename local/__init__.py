"""The same program and handlers on one machine."""
