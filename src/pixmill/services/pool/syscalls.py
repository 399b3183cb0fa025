"""
Which system calls a locked codec process may make, and why.

The numbers are those of <asm/unistd_64.h> for x86-64 and of <asm-generic/unistd.h> for aarch64;
None where a machine does not have the call. What is in none of these tables is answered EPERM.
"""

import errno
from dataclasses import dataclass

#: The call's number on x86-64 and on aarch64.
Numbers = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Group:
    """System calls that are treated alike, for one reason."""

    why: str
    calls: dict[str, Numbers]


ALLOWED: tuple[Group, ...] = (
    Group(
        "Read and write what is open already: the job's two files and the channel to the server. "
        "The channel is the only socket there is, so sendto and sendmsg reach nobody else.",
        {
            "read": (0, 63),
            "write": (1, 64),
            "writev": (20, 66),
            "pread64": (17, 67),
            "pwrite64": (18, 68),
            "lseek": (8, 62),
            "fstat": (5, 80),
            "ftruncate": (77, 46),
            "close": (3, 57),
            "poll": (7, None),
            "ppoll": (271, 73),
            "recvfrom": (45, 207),
            "recvmsg": (47, 212),
            "sendto": (44, 206),
            "sendmsg": (46, 211),
        },
    ),
    Group(
        "Get memory and give it back; making memory executable is refused below.",
        {
            "brk": (12, 214),
            "munmap": (11, 215),
            "mremap": (25, 216),
            "madvise": (28, 233),
        },
    ),
    Group(
        "Threads of one process: locks, start, end, and how many cores there are for them.",
        {
            "futex": (202, 98),
            "set_robust_list": (273, 99),
            "rseq": (334, 293),
            "membarrier": (324, 283),
            "sched_yield": (24, 124),
            "sched_getaffinity": (204, 123),
            "sched_getparam": (143, 121),
            "sched_getscheduler": (145, 120),
            "sched_get_priority_max": (146, 125),
            "sched_get_priority_min": (147, 126),
            "getcpu": (309, 168),
            "gettid": (186, 178),
            "exit": (60, 93),
            "exit_group": (231, 94),
        },
    ),
    Group(
        "Handle one's own signals, as abort() and a returning signal handler do.",
        {
            "rt_sigaction": (13, 134),
            "rt_sigprocmask": (14, 135),
            "rt_sigreturn": (15, 139),
            "sigaltstack": (131, 132),
            "restart_syscall": (219, 128),
        },
    ),
    Group(
        "Know the time, and sleep.",
        {
            "clock_gettime": (228, 113),
            "clock_getres": (229, 114),
            "clock_nanosleep": (230, 115),
            "gettimeofday": (96, 169),
            "nanosleep": (35, 101),
            "time": (201, None),
            "times": (100, 153),
        },
    ),
    Group(
        "Know who one is and how large the machine is, which tells nothing about anybody else.",
        {
            "getpid": (39, 172),
            "getppid": (110, 173),
            "getuid": (102, 174),
            "geteuid": (107, 175),
            "getgid": (104, 176),
            "getegid": (108, 177),
            "getrusage": (98, 165),
            "getrandom": (318, 278),
            "sysinfo": (99, 179),
            "uname": (63, 160),
        },
    ),
)

# Calls that are allowed or refused by their arguments; `seccomp.program` says how.
CLONE: Numbers = (56, 220)
FCNTL: Numbers = (72, 25)
MMAP: Numbers = (9, 222)
MPROTECT: Numbers = (10, 226)
PRCTL: Numbers = (157, 167)
SIGNALS: dict[str, Numbers] = {"kill": (62, 129), "tgkill": (234, 131)}

#: Refusals with another answer than EPERM, because libraries know what to do after it.
REFUSED: dict[int, Group] = {
    errno.EACCES: Group(
        "Libraries look for files that may not exist (fonts, caches, /proc, /sys) and go on "
        "without them when they may not be read.",
        {
            "open": (2, None),
            "openat": (257, 56),
            "openat2": (437, 437),
            "stat": (4, None),
            "lstat": (6, None),
            "newfstatat": (262, 79),
            "statx": (332, 291),
            "access": (21, None),
            "faccessat": (269, 48),
            "faccessat2": (439, 439),
            "readlink": (89, None),
            "readlinkat": (267, 78),
            "getcwd": (79, 17),
        },
    ),
    errno.ENOSYS: Group(
        "clone3 keeps its flags in memory, where a filter cannot see them; the C library then "
        "starts a thread with clone.",
        {"clone3": (435, 435)},
    ),
    errno.ENOTTY: Group(
        "Python asks whether a file is a terminal.",
        {"ioctl": (16, 29)},
    ),
}
