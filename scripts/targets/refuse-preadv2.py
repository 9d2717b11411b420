"""Runs a program of x64 for which preadv2(2) and pwritev2(2) end with ENOSYS, as on an old kernel: refuse-preadv2.py PROGRAM ARGUMENT...

qemu swaps the bytes of what a big-endian program reads from an eventfd, a timerfd or a signalfd, but not in these two calls.
"""

import ctypes
import errno
import os
import sys

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL_WITH = 0x7FFF0000, 0x00050000
PREADV2, PWRITEV2 = 327, 328


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("start", ctypes.POINTER(Instruction))]


# The number of the call is at offset 0. A jump leaves out so many instructions.
instructions = (Instruction * 5)(
    (LOAD, 0, 0, 0),
    (JUMP_IF_EQUAL, 1, 0, PREADV2),
    (JUMP_IF_EQUAL, 0, 1, PWRITEV2),
    (RETURN, 0, 0, FAIL_WITH | errno.ENOSYS),
    (RETURN, 0, 0, ALLOW),
)
program = Program(len(instructions), instructions)
prctl = ctypes.CDLL(None, use_errno=True).prctl
for call in [
    (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
    (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
]:
    if prctl(*call) != 0:
        sys.exit(f"refuse-preadv2.py: prctl: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
