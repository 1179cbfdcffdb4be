"""Results as people and programs read them: terminal, JSON, JUnit, live progress."""
