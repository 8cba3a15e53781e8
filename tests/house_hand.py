"""Started by `House`: reads the settings once, then runs each program that it is given in a child of its own.

A program is one line of JSON on standard input; the answer is one line `{"returncode", "stdout", "stderr"}`. A child
sees nothing of the programs before it, as a new process would not.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback

import django


def status_of(program: str) -> int:
    """Runs it; returns the status that Python would have ended with."""
    try:
        exec(compile(program, "<house>", "exec"), {"__name__": "__main__"})
    except SystemExit as left:
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def in_a_child(program: str) -> dict[str, object]:
    """Forks, runs, waits; returns what it printed and its status."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            status = status_of(program)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return {"returncode": status, "stdout": out.read(), "stderr": err.read()}


if __name__ == "__main__":
    django.setup()
    for line in sys.stdin:
        print(json.dumps(in_a_child(json.loads(line))), flush=True)
