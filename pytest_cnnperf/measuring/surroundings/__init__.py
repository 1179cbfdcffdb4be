"""What lies around a measurement: the processor, its control group, and what disturbs; all read without root."""
