"""Answers requests, one JSON object a line on stdin and stdout; and the process's own peak memory."""

import gc
import json
import os
import resource
import sys
import traceback


def serve(versions, answer):
    """Says `versions`, then gives answer(request) for each request. An exception becomes {"error": one line}; the stack goes to
    stderr."""
    out = os.fdopen(os.dup(1), "w")
    # Compilers and libraries print; stdout carries answers only.
    os.dup2(2, 1)
    print(json.dumps(versions), file=out, flush=True)
    for line in sys.stdin:
        try:
            # NaN is no JSON: whoever asked could not read it.
            reply = json.dumps(answer(json.loads(line)), allow_nan=False)
        except Exception as error:
            traceback.print_exc()
            reply = json.dumps({"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"})
        print(reply, file=out, flush=True)


def restart_peak_memory():
    """The peak resident memory counts from here on, garbage excluded, where the kernel lets a process say so."""
    gc.collect()
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_memory():
    """Bytes."""
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
