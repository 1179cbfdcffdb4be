"""What the fake framework puts in place of the clock and of the control."""


class ScriptedClock:
    """A clock that only the fake advances."""

    def __init__(self):
        self.cpu = self.wall = 0.0

    def advance(self, ns, wall_factor):
        self.cpu += ns
        self.wall += ns * wall_factor

    def cpu_ns(self):
        return round(self.cpu)

    def wall_ns(self):
        return round(self.wall)

    @staticmethod
    def kernel():
        return 0, 0


class ScriptedControl:
    """One unit advances the clock by the next scripted control_ns."""

    version = "fake1"

    def __init__(self, adapter):
        self.adapter = adapter

    def run(self):
        self.adapter.advance("control_ns")
