"""Tickwire's vocabulary: values and pure functions.

Standard library only, no I/O, no clock: the Pulumi program, the functions, the clients and the tests all
reach it without copying.
"""
