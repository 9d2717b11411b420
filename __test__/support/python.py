"""Runs Python code from its input, one JSON string per line, and prints the result of each as a line of JSON.

Descriptors that the parent passes have the numbers from 3 on.
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
    """Opens the slave end of a terminal in raw mode."""
    fcntl.ioctl(master, TIOCSPTLCK, struct.pack("i", 0))
    number = struct.unpack("i", fcntl.ioctl(master, TIOCGPTN, struct.pack("i", 0)))[0]
    made = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    tty.setraw(made)
    return made


def outcome(of, *arguments):
    """The result of a call, or the message of its OSError."""
    try:
        return of(*arguments)
    except OSError as error:
        return os.strerror(error.errno)


scope = globals()
for line in sys.stdin:
    code = json.loads(line)
    try:
        try:
            result = eval(compile(code, "input", "eval"), scope)
        except SyntaxError:
            exec(compile(code, "input", "exec"), scope)
            result = None
        if isinstance(result, bytes):
            result = result.decode("latin1")
        answer = {"result": result if isinstance(result, (int, float, str, list)) else None}
    except Exception as error:
        answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
