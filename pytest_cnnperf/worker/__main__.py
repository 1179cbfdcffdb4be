"""Start of a worker: ``python <package>/worker <adapter file>``; NumPy is not imported before the CPU is pinned."""

import importlib
import importlib.util
import os
import select
import signal
import sys
import threading

PACKAGE = "cnnperf_worker"


def take_the_wire():
    """Requests and answers on private duplicates of fds 0 and 1; what a framework reads or prints goes elsewhere."""
    requests, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb", 0)


def end_with_the_host(requests):
    """End this process group, whatever it is doing, once the host's end of the pipe is gone.

    Cost: a thread that sleeps in the kernel; nothing while the host lives.
    """

    def watch():
        hangup = select.poll()
        hangup.register(requests.fileno(), 0)  # no event but the hang-up, which is always told
        hangup.poll()
        # As a session leader of its own the group holds this worker and its children only (a compiler, say).
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, name="cnnperf-hangup", daemon=True).start()


def pin_to_cpus():
    """Run only on the CPUs that the host leased; every thread started later inherits it."""
    cpus = os.environ.get("CNNPERF_CPUS")
    if cpus:
        os.sched_setaffinity(0, {int(cpu) for cpu in cpus.split(",")})


def load(name, path, folder=None):
    """The module at this path under a private name, so that no framework's name is shadowed."""
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder and [folder])
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def main():
    """Serve one adapter until the host says `exit` or closes the pipe."""
    here = os.path.dirname(os.path.abspath(__file__))
    requests, answers = take_the_wire()
    pin_to_cpus()
    end_with_the_host(requests)
    # Python put this folder first on the path; here lie files named as frameworks are, and they must not be found.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != here]
    load(PACKAGE, os.path.join(here, "__init__.py"), here)
    sys.modules["wire"] = importlib.import_module(PACKAGE + ".wire")
    loop = importlib.import_module(PACKAGE + ".loop")
    loop.serve(requests, answers, lambda: load("cnnperf_adapter", sys.argv[1]).Adapter())


if __name__ == "__main__":
    main()
