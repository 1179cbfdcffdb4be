"""The state of leased GPUs, by NVML: who else uses them, whether they are throttled, at which clocks they ran."""
