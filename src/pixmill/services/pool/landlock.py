"""
Landlock: a process gives up files, TCP and signals to others, and cannot take them back.

What is open already stays usable. See <https://docs.kernel.org/userspace-api/landlock.html>.
"""

import os
import struct

from pixmill.services.pool.kernel import syscall

# The numbers are the same on every architecture.
_CREATE_RULESET = 444
_RESTRICT_SELF = 446
_ASK_FOR_VERSION = 1

#: How many kinds of access to files each version knows; a kernel refuses kinds that it does not.
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_SINCE_5 = 16
_BIND_AND_CONNECT_TCP = 0b11  # since version 4
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # since version 6


def deny_all() -> None:
    """
    Deny everything that this kernel's Landlock can deny.

    To be called while there is one thread: threads that exist already would stay free. Raises
    OSError when the kernel has no Landlock, or not switched on.
    """
    version = syscall(_CREATE_RULESET, None, 0, _ASK_FOR_VERSION)
    handled = struct.pack(
        "=QQQ",  # struct landlock_ruleset_attr; old kernels take a longer one if its tail is zero
        (1 << _FILE_RIGHTS.get(version, _FILE_RIGHTS_SINCE_5)) - 1,
        _BIND_AND_CONNECT_TCP if version >= 4 else 0,
        _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    ruleset = syscall(_CREATE_RULESET, handled, len(handled), 0)
    try:
        # All that is handled and allowed by no rule is denied; there is no rule.
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
