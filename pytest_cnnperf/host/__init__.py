"""The plugin's end of the pipe: start, ask with a deadline, end; and the pool of live workers."""
