"""The filter of system calls, run by an interpreter of its instructions."""

import errno
import struct

import pytest

from lemur_check.seccomp import assemble

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003}
# From the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic.
CALLS = {
    "x86_64": {
        "read": 0, "clone": 56, "mmap": 9, "socket": 41, "setpriority": 141, "prlimit64": 302,
        "ptrace": 101, "keyctl": 250, "io_uring_setup": 425, "bpf": 321, "unshare": 272,
        "clone3": 435, "shmget": 29, "mq_open": 240, "memfd_create": 319, "futex": 202,
    },
    "aarch64": {
        "read": 63, "clone": 220, "mmap": 222, "socket": 198, "setpriority": 140, "prlimit64": 261,
        "ptrace": 117, "keyctl": 219, "io_uring_setup": 425, "bpf": 280, "unshare": 97,
        "clone3": 435, "shmget": 194, "mq_open": 180, "memfd_create": 279, "futex": 98,
    },
}  # fmt: skip
TREATED = [
    ("read", (), ALLOW),
    ("futex", (), ALLOW),
    *((name, (), ERRNO | errno.EPERM) for name in (
        "ptrace", "keyctl", "io_uring_setup", "bpf", "unshare", "shmget", "mq_open", "memfd_create",
    )),
    ("clone3", (), ERRNO | errno.ENOSYS),
    ("clone", (17,), ALLOW),  # a fork: SIGCHLD
    ("clone", (0x3D0F00,), ALLOW),  # a thread, as the C library makes it
    ("clone", (0x10000000 | 17,), ERRNO | errno.EPERM),  # CLONE_NEWUSER
    ("clone", (0x00020000 | 17,), ERRNO | errno.EPERM),  # CLONE_NEWNS
    ("mmap", (0, 4096, 3, 0x22), ALLOW),  # private, anonymous
    ("mmap", (0, 4096, 3, 0x01), ALLOW),  # shared, of a file
    ("mmap", (0, 4096, 3, 0x21), ERRNO | errno.EPERM),
    ("mmap", (0, 4096, 3, 0x8021), ERRNO | errno.EPERM),
    ("socket", (1,), ALLOW),
    ("socket", (2,), ALLOW),
    ("socket", (40,), ERRNO | errno.EAFNOSUPPORT),  # AF_VSOCK
    ("socket", (2**32 + 40,), ERRNO | errno.EAFNOSUPPORT),
    ("prlimit64", (0, 7), ALLOW),
    ("prlimit64", (1, 7), ERRNO | errno.EPERM),
    ("setpriority", (0, 0, 5), ALLOW),
    ("setpriority", (0, 1, 5), ERRNO | errno.EPERM),
    ("setpriority", (2, 0, 5), ERRNO | errno.EPERM),  # all of the user's processes
]  # fmt: skip


def result(program, audit, number, arguments=()):
    """Return a program's action for a call."""
    arguments = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    data = struct.pack("=iIQ6Q", number, audit, 0, *arguments)
    instructions = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        code, if_true, if_false, value = instructions[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            [loaded] = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            loaded &= value
        else:
            holds = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
            at += if_true if holds[code] else if_false


@pytest.mark.parametrize("machine", CALLS)
def test_calls_are_allowed_and_refused_as_intended(machine):
    program = assemble(machine)
    for name, arguments, expected in TREATED:
        action = result(program, AUDIT[machine], CALLS[machine][name], arguments)
        assert action == expected, (name, arguments)


@pytest.mark.parametrize("machine", CALLS)
def test_the_calls_of_another_machine_end_the_process(machine):
    for other in AUDIT.keys() - {machine}:
        assert result(assemble(machine), AUDIT[other], 0) == KILL


def test_calls_with_pointers_of_32_bits_are_refused():
    # ptrace has the number 521 among them.
    for number in (0x40000000, 0x40000000 + 521):
        action = result(assemble("x86_64"), AUDIT["x86_64"], number)
        assert action == ERRNO | errno.ENOSYS


@pytest.mark.parametrize("machine", ["armv7l", "riscv64", "AMD64", ""])
def test_other_machines_have_no_filter(machine):
    assert assemble(machine) is None
