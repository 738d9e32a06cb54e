"""What figures depend on, beside what is measured. Only the standard library."""
import os
import platform
import subprocess
import time


def context_of(drydock, **more):
    """Of a measurement with this binary, for its JSON."""
    version = subprocess.run([drydock, "version"], capture_output=True, text=True, check=True).stdout.strip()
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    return {"drydock": version, "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "cpu": model, "cores": len(os.sched_getaffinity(0)),
            "load_average": os.getloadavg(), "system": platform.platform(), "python": platform.python_version()} | more
