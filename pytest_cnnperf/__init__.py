"""Is the convolution right, and has it become slower? A pytest plugin for the frameworks of convolutional networks."""
