"""Takes from this process, for good, what a reader never needs: sockets, other programs, other processes' memory."""

import ctypes
import platform
import struct
import sys
from typing import Any

# System calls by number; from the kernel's tables arch/x86/entry/syscalls/syscall_64.tbl and asm-generic/unistd.h.
_FORBIDDEN = {
    "x86_64": (41, 42, 49, 50, 53, 57, 58, 59, 101, 310, 311, 321, 322, 323, 425, 438),
    "aarch64": (198, 199, 200, 201, 203, 221, 117, 270, 271, 280, 281, 282, 425, 438),
}  # socket, connect, bind, listen, socketpair, fork, exec, ptrace, process_vm, bpf, userfaultfd, io_uring, pidfd_getfd
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # instructions of the classic packet filter
_ALLOW, _DENY, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # deny: the call fails with EPERM
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_CLOSED = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def seal_off() -> bool:
    """Whether the kernel enforces it (Linux, x86-64 or ARM64); Python itself refuses sockets and programs anyway."""
    enforced = _filter_calls()
    sys.addaudithook(_refuse)
    return enforced


def _refuse(event: str, _: tuple[Any, ...]) -> None:
    if event.startswith(_CLOSED):
        raise PermissionError(event)


def _filter_calls() -> bool:
    machine = platform.machine()
    if not sys.platform.startswith("linux") or machine not in _FORBIDDEN:
        return False
    calls = _FORBIDDEN[machine]
    code = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _MACHINES[machine]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    code.append((_AT_LEAST, len(calls) + 1, 0, 0x40000000))  # the x32 numbers of the same calls
    code += [(_EQUAL, len(calls) - place, 0, call) for place, call in enumerate(calls)]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _DENY)]
    packed = b"".join(struct.pack("=HBBI", *step) for step in code)
    kernel = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code), packed)
    if kernel.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return kernel.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0) == 0
