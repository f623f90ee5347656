"""A filter of system calls for untrusted code, for Linux on x86-64 and AArch64.

It refuses calls that no net needs and whose effects namespaces do not contain: interfaces in which
kernel vulnerabilities are found (io_uring, bpf, performance events), objects that outlive the
process that created them (keys, System V segments, message queues), memory that belongs to no
folder and no process (shared anonymous mappings, memfd), access to other processes (ptrace, their
limits and priorities), namespaces, mounts, and sockets other than Unix and IP sockets.

The filter is a classic BPF program over ``struct seccomp_data`` (seccomp(2)). It is assembled here
because a libseccomp binding may not be installed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# The numbers of the calls on x86-64 and AArch64; None if the call does not exist there.
_REFUSED = {
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "fanotify_init": (300, 262), "lookup_dcookie": (212, 18), "vmsplice": (278, 75),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "semget": (64, 190), "semop": (65, 193), "semtimedop": (220, 192), "semctl": (66, 191),
    "mq_open": (240, 180), "mq_unlink": (241, 181),
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    "ioprio_set": (251, 30), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51), "pivot_root": (155, 41),
    "mount": (165, 40), "umount2": (166, 39), "move_mount": (429, 429), "open_tree": (428, 428),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "open_by_handle_at": (304, 265), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "swapon": (167, 224), "swapoff": (168, 225), "reboot": (169, 142), "acct": (163, 89),
    "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266),
    "adjtimex": (159, 171), "vhangup": (153, 58), "iopl": (172, None), "ioperm": (173, None),
    "modify_ldt": (154, None), "uselib": (134, None), "nfsservctl": (180, 42),
}  # fmt: skip
# Refused for any process except the caller, in particular for its parent, which runs all nets.
_OF_ANY_PROCESS = {
    "prlimit64": (302, 261), "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118), "sched_setattr": (314, 274),
}  # fmt: skip
_CLONE, _CLONE3, _MMAP = (56, 220), (435, 435), (9, 222)
_SOCKET, _SETPRIORITY = (41, 198), (141, 140)
_NAMESPACES = 0x7E020000  # the flags CLONE_NEW*
_SHARED_ANONYMOUS = 0x21  # MAP_SHARED (and MAP_SHARED_VALIDATE) with MAP_ANONYMOUS
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_X32 = 0x40000000  # the bit of x86-64 calls with 32-bit pointers

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # for prctl

Instruction = tuple[int, int, int, int]


class _Machine(NamedTuple):
    column: int
    audit: int


_MACHINES = {"x86_64": _Machine(0, 0xC000003E), "aarch64": _Machine(1, 0xC00000B7)}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def assemble(machine: str | None = None) -> bytes | None:
    """Return the filter program, or None if there is none for this system.

    Args:
        machine: The machine, as `platform.machine` returns it; None means this process's.
    """
    if machine is None:
        # 32-bit processes use other call numbers.
        machine = platform.machine() if sys.maxsize > 2**32 and sys.platform == "linux" else ""
    target = _MACHINES.get(machine)
    if target is None:
        return None
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions(target))


def install(program: bytes) -> None:
    """Permanently filter the calls of this thread and of all threads and processes it starts.

    Raises:
        OSError: The kernel rejects the filter.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    filter_program = _Program(len(program) // 8, program)
    zero = ctypes.c_ulong(0)
    if prctl(_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), zero, zero, zero) or prctl(
        _SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(filter_program), zero, zero
    ):
        number = ctypes.get_errno()
        raise OSError(number, f"system calls cannot be filtered: {os.strerror(number)}")


def _instructions(machine: _Machine) -> Iterator[Instruction]:
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    # A process can also use the call numbers of other machines, which mean other calls.
    yield (_IF_EQUAL, 1, 0, machine.audit)
    yield (_RETURN, 0, 0, _KILL)
    yield (_LOAD, 0, 0, _NUMBER)
    if machine is _MACHINES["x86_64"]:
        yield from ((_IF_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS))
    for numbers, body in _rules():
        number = numbers[machine.column]
        if number is not None:
            yield (_IF_EQUAL, 0, len(body), number)
            yield from body
    yield (_RETURN, 0, 0, _ALLOW)


def _rules() -> Iterator[tuple[tuple[int | None, ...], list[Instruction]]]:
    """Yield the numbers of each call with the instructions for it, which end the program."""
    allow, refuse = (_RETURN, 0, 0, _ALLOW), _refuse(errno.EPERM)
    for numbers in _REFUSED.values():
        yield numbers, [refuse]
    # The flags of clone3 are in memory, which a filter cannot read. The C library falls back to
    # clone.
    yield _CLONE3, [_refuse(errno.ENOSYS)]
    yield _CLONE, [_argument(0), (_IF_ANY_BIT, 0, 1, _NAMESPACES), refuse, allow]
    flags = _SHARED_ANONYMOUS
    yield _MMAP, [_argument(3), (_AND, 0, 0, flags), (_IF_EQUAL, 0, 1, flags), refuse, allow]
    families = [step for family in _FAMILIES for step in ((_IF_EQUAL, 0, 1, family), allow)]
    yield _SOCKET, [_argument(0), *families, _refuse(errno.EAFNOSUPPORT)]
    own_process = [(_IF_EQUAL, 0, 1, 0), allow, refuse]
    for numbers in _OF_ANY_PROCESS.values():
        yield numbers, [_argument(0), *own_process]
    # Allowed for the process itself, not for its group or all of the user's processes.
    yield _SETPRIORITY, [_argument(0), (_IF_EQUAL, 1, 0, 0), refuse, _argument(1), *own_process]


def _argument(number: int) -> Instruction:
    """Load the lower half of an argument. No rule needs the upper half."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * number)


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, _REFUSE | number)
