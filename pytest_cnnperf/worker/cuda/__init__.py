"""CUDA's own libraries through ctypes: memory, events, graphs, the flush and the control of a device."""
