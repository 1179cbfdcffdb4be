"""Of the repository: its tests run pytest inside pytest."""

pytest_plugins = ["pytester"]
