"""Measurements: one file a claim. Times and ratios of one run; none of them is a test."""
