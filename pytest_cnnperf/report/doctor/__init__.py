"""What `cnnperf doctor` found: the machine and every framework on it, for a terminal and as JSON."""
