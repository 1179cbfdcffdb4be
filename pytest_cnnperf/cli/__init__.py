"""The `cnnperf` command."""
