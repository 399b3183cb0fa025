"""
The fork server: a process of one thread that has every codec loaded, and forks codec processes.

Loading the codecs takes 0.4 s and 70 MB; a forked process is ready in 10 ms, and what was loaded is
shared. The server itself cannot fork, because it has threads, secrets and customers' connections in
its memory. `multiprocessing` could, but it runs the server's main module again, unpickles, and
keeps a resource tracker.

It is started as ``python -m pixmill.services.pool.forkserver DESCRIPTOR PRELOAD`` by `spawning`,
and the `launcher` sends it its orders. It decides nothing and never sees a picture. When its
control socket closes, which the kernel does even when the server is killed, it takes all codec
processes with it.
"""

import contextlib
import gc
import importlib
import json
import os
import re
import select
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from pixmill.services.pool import kernel, rlimits, sandbox, worker
from pixmill.services.pool.channel import Channel
from pixmill.services.pool.messages import Orders

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def main() -> None:
    """Load the codecs, say so, and serve."""
    descriptor, preload = sys.argv[1:]
    control = Channel(socket.socket(fileno=int(descriptor)))
    ignore_polite_signals()
    if kernel.LINUX:
        with contextlib.suppress(OSError):  # a container may forbid it
            rlimits.prefer_as_victim()
    # A codec process of the same user that is not fully locked must not get in here.
    sandbox.hide_memory()
    _load(preload)()
    message, _ = control.receive()
    if not message:
        return  # it was not needed after all
    orders = Orders.from_message(message)
    target = _load(orders.target)
    gc.collect()
    gc.freeze()  # a collection in a codec process would copy every page that it looks at
    if (threads := _count_threads()) != 1:
        sys.exit(f"{preload} left {threads - 1} threads, which a fork would lose")
    control.send({"pid": os.getpid()})
    ForkServer(control, orders, target).serve()


def ignore_polite_signals() -> None:
    """
    Let the server alone decide when this process and those that it forks end.

    A terminal sends SIGINT, and systemd SIGTERM, to every process of a service at once, while the
    server still wants running jobs to finish. SIGKILL works, and so does closing the channel.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


class ForkServer:
    """
    Forks codec processes on request, and buries them.

    ``{"fork": NUMBER}``, with a socket for the new process, is answered with ``{"pid": PID}`` and,
    where there is such a thing, a descriptor of the process; or with ``{"error": TEXT}``.
    ``{"ask": PID}`` is answered with ``{"exit": CODE}``: minus a signal's number, or null while the
    process lives.
    """

    _REMEMBERED = 100

    def __init__(self, control: Channel, orders: Orders, target: worker.Target) -> None:
        self._control = control
        self._orders = orders
        self._target = target
        self._alive: set[int] = set()
        self._ended: dict[int, int] = {}

    def serve(self) -> None:
        """Answer requests until the server is gone, then end all codec processes."""
        # The end of a child rings a bell instead of interrupting whatever is going on.
        bell, rope = socket.socketpair()
        bell.setblocking(False)
        rope.setblocking(False)
        signal.set_wakeup_fd(rope.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        served = True
        while served:
            ready, _, _ = select.select([self._control.fileno(), bell.fileno()], [], [])
            if bell.fileno() in ready:
                bell.recv(4096)
                self._bury(os.WNOHANG)
            if self._control.fileno() in ready:
                try:
                    served = self._answer()
                except ConnectionError:  # the server ended without reading the last answer
                    served = False
        for pid in self._alive:
            os.kill(pid, signal.SIGKILL)
        self._bury(0)

    def _answer(self) -> bool:
        """Do what the server asks. False when it asks no more."""
        message, files = self._control.receive(files=1)
        if not message:
            return False
        reply, handles = self._do(json.loads(message), files)
        try:
            self._control.send(reply, handles)
        finally:
            for file in (*files, *handles):
                os.close(file)
        return True

    def _do(self, request: dict[str, int], files: list[int]) -> tuple[dict[str, Any], list[int]]:
        if "ask" in request:
            self._bury(os.WNOHANG)
            return {"exit": self._ended.get(request["ask"])}, []
        try:
            pid = self._fork(request["fork"], files[0])
        except OSError as error:  # too many processes, or too little memory
            return {"error": error.strerror}, []
        return {"pid": pid}, self._handles(pid)

    def _fork(self, number: int, descriptor: int) -> int:
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            self._become_worker(number, descriptor, parent)
        self._alive.add(pid)
        self._ended.pop(pid, None)  # of an earlier process with this id
        return pid

    def _become_worker(self, number: int, descriptor: int, parent: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            worker.run(
                Channel(socket.socket(fileno=descriptor)),
                target=self._target,
                conditions=self._orders.conditions,
                number=number,
                parent=parent,
            )
        except BaseException:  # noqa: BLE001 nothing may get from here into the loop above
            traceback.print_exc()
        os._exit(1)

    def _handles(self, pid: int) -> list[int]:
        """Return a descriptor that means this process even when its id is given to another."""
        if "pidfd" in self._orders.conditions.disable or not hasattr(os, "pidfd_open"):
            return []
        try:
            return [os.pidfd_open(pid)]  # no race: only this process can bury it
        except OSError:  # Linux before 5.3
            return []

    def _bury(self, options: int) -> None:
        """Take note of children that ended; without WNOHANG, wait for all of them."""
        while self._alive:
            pid, status = os.waitpid(-1, options)
            if not pid:
                return
            self._alive.discard(pid)
            self._ended[pid] = os.waitstatus_to_exitcode(status)
            if len(self._ended) > self._REMEMBERED:
                del self._ended[next(iter(self._ended))]


def _load(reference: str) -> Any:  # noqa: ANN401 it is whatever stands there
    """Return the object that ``module:name`` refers to."""
    if not _REFERENCE.fullmatch(reference):
        sys.exit(f"{reference!r} is not of the form module:name")
    module, name = reference.split(":")
    return getattr(importlib.import_module(module), name)


def _count_threads() -> int:
    """Count all threads, also those that Python does not know of where the system tells."""
    if kernel.LINUX:
        return len(list(Path("/proc/self/task").iterdir()))
    return threading.active_count()


if __name__ == "__main__":
    main()
