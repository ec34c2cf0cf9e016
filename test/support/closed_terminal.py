"""Runs a program in a terminal, which is closed when this process gets SIGHUP. Then it is told how the program ended."""

import os
import pty
import select
import signal
import sys

is_closed = False


def close(*_):
    global is_closed
    is_closed = True


program, terminal = pty.fork()
if program == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
signal.signal(signal.SIGHUP, close)
while not is_closed:
    readable, _, _ = select.select([terminal], [], [], 0.1)
    try:
        if readable:
            os.write(1, os.read(terminal, 65536))
    except OSError:  # the program has ended
        break
os.close(terminal)
status = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
print(f"ended with {status}", file=sys.stderr)
