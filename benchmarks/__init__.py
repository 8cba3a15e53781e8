"""Benchmarks: each figure beside a baseline or peer measured in the same run."""
