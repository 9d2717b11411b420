"""Does with sockets, pipes and terminals what it is told, one line of JSON (a piece of Python) at a time.

It must never do anything by itself. Started by hands.ts, which hands it descriptors from number 3 on.
"""
import fcntl
import json
import os
import socket
import struct
import sys
import tty

# asm-generic/ioctls.h
TIOCGPTN = 0x80045430
TIOCSPTLCK = 0x40045431


def reset(of):
    of.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    of.close()


def dial(port, address="127.0.0.1"):
    made = socket.create_connection((address, port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def slave_of(master):
    """Opens the other end of a terminal, raw."""
    fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
    number = struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, struct.pack("i", 0)))[0]
    made = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    tty.setraw(made)
    return made


def told(of, *wanted):
    """The error's name, or what came."""
    try:
        return of(*wanted)
    except OSError as error:
        return os.strerror(error.errno)


scope = globals()
for line in sys.stdin:
    what = json.loads(line)
    try:
        try:
            result = eval(compile(what, "told", "eval"), scope)
        except SyntaxError:
            exec(compile(what, "told", "exec"), scope)
            result = None
        if isinstance(result, bytes):
            result = result.decode("latin1")
        answer = {"result": result if isinstance(result, (int, float, str, list)) else None}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
