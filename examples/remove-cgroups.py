#!/usr/bin/python3
"""Removes what an engine left of a container in the host's cgroup trees.

An engine that removes a container reaches its cgroups by their paths. Root in a
container that may make cgroups can make paths that are longer than 4096 bytes,
freeze itself, or make threaded cgroups. Cgroups and even processes then stay
when the container is removed, or the container cannot be removed. And nobody
removes the cgroup that cginit --allow-host-cgroup makes at a hierarchy's root.
Run this on the host, as root, with the container's id.

It looks in every hierarchy of the host for cgroups that carry the id as engines
name them: ID, docker-ID, libpod-ID, libpod-conmon-ID, cri-containerd-ID,
crio-ID, nerdctl-ID and cginit-ID, with .scope or without. It does not look
inside of another container's cgroup. It touches nothing but what it found.

Without --kill it kills and thaws nothing. If a process is in one of the cgroups,
it names the process, removes nothing and fails. So a container that runs, or is
paused, stays as it is.

With --kill it kills every process in the cgroups, thaws the cgroups that are
frozen, waits until the processes are gone, and removes the cgroups. Before that
it sets pids.max of the container to 0, so that no process can fork. The monitor
that Podman runs for a container is killed only if it does not end by itself. If
the container has a restart policy its engine starts it again: remove the policy
first.

The exit status is 0 if nothing of the container is left, else 1.
"""

import argparse
import contextlib
import ctypes
import errno
import os
import re
import signal
import sys
import time

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
GONE = (errno.ENOENT, errno.ENODEV)
BUSY = (errno.EBUSY, errno.ENOTEMPTY)
# proc_ns.h: the numbers of the first cgroup namespace and the first PID namespace.
HOST_NAMESPACES = {"cgroup": 4026531835, "pid": 4026531836}
CONTAINER = re.compile(r"(?:(docker|libpod|libpod-conmon|libpod-payload|cri-containerd|crio|crio-conmon|nerdctl|cginit)-)?"
                       r"([0-9a-f]{64})(?:\.scope)?")
MONITORS = ("libpod-conmon", "crio-conmon")
# Podman's cgroupfs manager names pods by their id alone, as other engines do with containers.
PARENT_OF_PODS = "libpod_parent"
PIDFDS = 128
NAMED = 20

CLONE_NEWNS = 0x20000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE, MNT_DETACH = 2, 4, 8, 0x4000, 0x40000, 2


class Failure(Exception):
    """What keeps the cgroups from being removed, as one message."""


class Mounted(Failure):
    """What another mount covers is not looked at."""


def show(text):
    """A name that a container chose, as it is safe to print."""
    text = os.fsencode(text).decode("ascii", "backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def several(count, what):
    return f"{count} {what}" + ("" if count == 1 else "es" if what.endswith("s") else "s")


# --- directories, by descriptors and one name at a time


def identity(directory):
    status = os.fstat(directory)
    return status.st_dev, status.st_ino


def enter(directory, name):
    """A descriptor of the directory NAME in DIRECTORY; None if it is gone. No link is followed, no mount entered."""
    try:
        below = os.open(name, DIRECTORY, dir_fd=directory)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    if os.fstat(below).st_dev != os.fstat(directory).st_dev:
        os.close(below)
        raise Mounted(f"something is mounted on {show(name)}")
    return below


def leave(directory, above):
    """A descriptor of the directory above DIRECTORY, which must be the one that it was entered from."""
    parent = os.open("..", DIRECTORY, dir_fd=directory)
    if identity(parent) != above:
        os.close(parent)
        raise Failure("a cgroup was moved meanwhile: try again")
    os.close(directory)
    return parent


def subdirectories(directory):
    """Their names; none if it is gone itself."""
    try:
        with os.scandir(directory) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def walk(top, wanted=None):
    """All directories from TOP on, parents first: a descriptor, good until the next one, and the names that lead there from
    TOP. WANTED is asked before one is entered, and what is mounted on is left out then. However deep the tree is, only two
    descriptors are open: the way up is "..". """
    current, names, above = os.open(".", DIRECTORY, dir_fd=top), [], []
    try:
        yield current, names
        pending = subdirectories(current)
        while True:
            if pending:
                name = pending.pop()
                if wanted is not None and not wanted(current, names, name):
                    continue
                try:
                    below = enter(current, name)
                except Mounted:
                    if wanted is None:
                        raise
                    continue
                if below is None:
                    continue
                names.append(name)
                try:
                    yield below, names
                    more = subdirectories(below)
                except BaseException:
                    os.close(below)
                    raise
                if more:
                    above.append((identity(current), pending))
                    os.close(current)
                    current, pending = below, more
                else:
                    names.pop()
                    os.close(below)
            elif above:
                where, pending = above.pop()
                names.pop()
                current = leave(current, where)
            else:
                return
    finally:
        with contextlib.suppress(OSError):
            os.close(current)


def remove_directory(directory, name):
    """True if it is gone, None if it is busy."""
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError as error:
        if error.errno in BUSY:
            return None
        if error.errno not in GONE:
            raise
    return True


def remove_below(top):
    """Removes all cgroups below TOP, children first: how many it had to leave because they are busy."""
    current, above, busy = os.open(".", DIRECTORY, dir_fd=top), [], 0
    try:
        pending = subdirectories(current)
        while True:
            if pending:
                name = pending.pop()
                if remove_directory(current, name):
                    continue
                below = enter(current, name)
                if below is None:
                    continue
                more = subdirectories(below)
                if more:
                    above.append((identity(current), pending, name))
                    os.close(current)
                    current, pending = below, more
                else:
                    os.close(below)
                    busy += 1
            elif above:
                where, pending, name = above.pop()
                current = leave(current, where)
                if not remove_directory(current, name):
                    busy += 1
            else:
                return busy
    finally:
        with contextlib.suppress(OSError):
            os.close(current)


def read(directory, name):
    """A control file; None where there is none."""
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    try:
        parts = []
        while True:
            part = os.read(file, 1 << 16)
            if not part:
                return b"".join(parts).decode("ascii", "replace")
            parts.append(part)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise
    finally:
        os.close(file)


def write(directory, name, text):
    """False if there is no such file, or the kernel does not do it here."""
    try:
        file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except OSError as error:
        if error.errno in GONE:
            return False
        raise
    try:
        os.write(file, text.encode())
        return True
    except OSError as error:
        if error.errno in (*GONE, errno.EOPNOTSUPP, errno.EINVAL):
            return False
        raise
    finally:
        os.close(file)


# --- processes


def status_of(pid):
    """{field: value} of /proc/PID/status, empty if the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="surrogateescape") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}


def process_name(pid):
    return f"{pid} ({show(status_of(pid).get('Name', 'gone'))})"


def members(directory):
    """The control file that lists what is in this cgroup itself, and its numbers. A threaded cgroup lists threads only."""
    for file in ("cgroup.procs", "cgroup.threads"):
        try:
            return file, {int(line) for line in (read(directory, file) or "").split()}
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
    return "cgroup.threads", set()


def processes(directory):
    """The processes that are in this cgroup, or have a thread there."""
    file, numbers = members(directory)
    if file == "cgroup.procs":
        return numbers
    return {int(leader) for leader in (status_of(number).get("Tgid", 0) for number in numbers) if int(leader)}


def kill_members(directory):
    """Kills the processes that are in this cgroup; returns {pid: name} of them.

    A process is held by a descriptor first, and signalled through it only if the cgroup lists it after that: so it is no
    other one that got its number meanwhile. /proc/PID/cgroup would not do, the kernel cuts its paths at 4096 bytes."""
    file, numbers = members(directory)
    found, numbers = {}, sorted(numbers)
    for begin in range(0, len(numbers), PIDFDS):
        with contextlib.ExitStack() as opened:
            held = [(number, *hold(number, file, opened)) for number in numbers[begin:begin + PIDFDS]]
            _, still = members(directory)
            for number, pid, pidfd, task in held:
                if pidfd is None or number not in still or not is_there(task):
                    continue
                found.setdefault(pid, process_name(pid))
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    return found


def hold(number, file, opened):
    """The process with this number, or that of the thread with it: (pid, its descriptor, one of the thread's directory)."""
    pid, task = number, None
    try:
        if file == "cgroup.threads":
            pid = int(status_of(number).get("Tgid", 0))
            task = os.open(f"/proc/{pid}/task/{number}", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, task)
        pidfd = os.pidfd_open(pid)
        opened.callback(os.close, pidfd)
        return pid, pidfd, task
    except (ProcessLookupError, FileNotFoundError):
        return pid, None, None
    except (AttributeError, OSError) as error:
        if getattr(error, "errno", errno.ENOSYS) != errno.ENOSYS:
            raise
        raise Failure(f"without pidfd_open(2) (Linux 5.3) no process can be killed safely: kill {process_name(pid)} "
                      "yourself, and whatever else is named") from None


def is_there(task):
    """Whether that thread still is; its directory is never another one's."""
    if task is None:
        return True
    try:
        os.stat("status", dir_fd=task)
        return True
    except OSError:
        return False


# --- hierarchies


class Mount:
    """31 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:7 - cgroup cgroup rw,cpu,cpuacct"""

    def __init__(self, line):
        left, right = line.split(" - ", 1)
        self.id, _, _, self.root, point = left.split()[:5]
        self.point = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), point)
        self.type, _, options = right.rstrip("\n").split(" ", 2)
        self.options = set(options.split(","))


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [Mount(line) for line in file]


def mount_id(descriptor):
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
        return next(line.split()[1] for line in file if line.startswith("mnt_id:"))


class Hierarchy:
    """Controllers as /proc/PID/cgroup names them: cpu,cpuacct or name=systemd; none is v2."""

    def __init__(self, controllers):
        self.controllers = controllers
        self.title = controllers or "unified"
        self.shown = f"{self.title}:"
        self.root = None
        self.mounted_at = None

    @property
    def type(self):
        return "cgroup" if self.controllers else "cgroup2"

    def is_at(self, mount):
        return (mount.type == self.type and mount.root == "/" and
                (not self.controllers or set(self.controllers.split(",")) <= mount.options))

    def open(self, table):
        """By a mount of the host's that shows the whole hierarchy, and is not covered by another one."""
        for mount in filter(self.is_at, table):
            with contextlib.suppress(OSError):
                directory = os.open("/", DIRECTORY)
                for name in filter(None, mount.point.split("/")):
                    try:
                        below = os.open(name, DIRECTORY, dir_fd=directory)
                    finally:
                        os.close(directory)
                    directory = below
                if mount_id(directory) == mount.id:
                    self.root, self.shown = directory, mount.point
                    return True
                os.close(directory)
        return False

    def mount(self, point):
        """Where the host has it mounted nowhere."""
        os.mkdir(point)
        options = self.controllers.replace("name=", "none,name=")
        call("mount", b"none", point, self.type, MS_NOSUID | MS_NODEV | MS_NOEXEC, options)
        self.mounted_at = point
        self.root = os.open(point, DIRECTORY)

    def unmount(self):
        """A v1 hierarchy ends with its last mount, but not before the kernel is done with the cgroups that were removed."""
        for attempt in range(10):
            if attempt:
                time.sleep(0.2)
                os.rmdir(self.mounted_at)
                self.mount(self.mounted_at)
            empty = not subdirectories(self.root)
            os.close(self.root)
            call("umount2", self.mounted_at, MNT_DETACH)
            if not self.controllers or not empty or self.controllers not in memberships():
                return


def call(name, *arguments):
    """A function of libc's that returns 0, with text, bytes, numbers that are not negative, or None for null."""
    libc = ctypes.CDLL(None, use_errno=True)
    words = (os.fsencode(word) if isinstance(word, str) else ctypes.c_ulong(word) if isinstance(word, int) else word
             for word in arguments)
    if getattr(libc, name)(*words) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def memberships():
    """The hierarchies that there are, mounted or not. 4:cpu,cpuacct:/ or 0::/"""
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        return [line.split(":", 2)[1] for line in file]


@contextlib.contextmanager
def hierarchies():
    table = mounts()
    known = [Hierarchy(controllers) for controllers in memberships()]
    missing = [hierarchy for hierarchy in known if not hierarchy.open(table)]
    if missing:
        # A fresh mount of cgroup2 changes the options of those that are there.
        if any(not hierarchy.controllers for hierarchy in missing) and any(mount.type == "cgroup2" for mount in table):
            raise Failure("the root of cgroup2 is mounted, but out of sight: unmount what covers it")
        # Nobody else sees it, and it ends with this process.
        call("unshare", CLONE_NEWNS)
        call("mount", b"none", "/", b"none", MS_REC | MS_PRIVATE, None)
        call("mount", b"none", "/sys/fs/cgroup", b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
        for number, hierarchy in enumerate(missing):
            hierarchy.mount(f"/sys/fs/cgroup/{number}")
    yield known
    for hierarchy in missing:
        hierarchy.unmount()


# --- a container


class Cgroup:
    """One that carries a container's id: held by a descriptor, as is the one above it."""

    def __init__(self, hierarchy, parent, names, name):
        self.hierarchy, self.name = hierarchy, name
        self.prefix, self.id = CONTAINER.fullmatch(name).groups()
        self.shown = show("/".join([hierarchy.shown.rstrip("/"), *names, name]))
        self.descriptor = enter(parent, name)
        self.parent = os.open(".", DIRECTORY, dir_fd=parent)
        if self.descriptor is not None and mount_id(self.descriptor) != mount_id(hierarchy.root):
            raise Failure(f"something is mounted on {self.shown}")

    @property
    def is_monitors(self):
        return self.prefix in MONITORS

    def close(self):
        for descriptor in (self.descriptor, self.parent):
            if descriptor is not None:
                os.close(descriptor)

    def is_empty(self):
        """True or False where the kernel says so for the whole tree, else None."""
        events = read(self.descriptor, "cgroup.events")
        if self.hierarchy.controllers or events is None:
            return None if self.exists() else True
        return "populated 0" in events.splitlines()

    def exists(self):
        """Whether it is still there, and the same."""
        try:
            status = os.stat(self.name, dir_fd=self.parent, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return (status.st_dev, status.st_ino) == identity(self.descriptor)

    def all(self):
        """Each cgroup of the tree: a descriptor, and where it is as text."""
        for directory, names in walk(self.descriptor):
            yield directory, self.shown + (f", {several(len(names), 'level')} below" if names else "")


def find(known, wanted):
    """The cgroups of containers that WANTED says yes to: wanted(id, prefix, names of the cgroups above). What is in a
    container's cgroup is the container's to name, and no other container's."""
    found = []

    def look(hierarchy, parent, names, name):
        match = CONTAINER.fullmatch(name)
        if match is None or (match.group(1) is None and names[-1:] == [PARENT_OF_PODS]):
            return True
        if wanted(match.group(2), match.group(1), names):
            cgroup = Cgroup(hierarchy, parent, names, name)
            if cgroup.descriptor is None:
                cgroup.close()
            else:
                found.append(cgroup)
        return False

    for hierarchy in known:
        for _ in walk(hierarchy.root, lambda *where, hierarchy=hierarchy: look(hierarchy, *where)):
            pass
    return found


def frozen(directory):
    """The control file that freezes this cgroup itself, with what thaws it; None if it is not frozen."""
    if (read(directory, "freezer.self_freezing") or "").strip() == "1":
        return "freezer.state", "THAWED"
    if (read(directory, "cgroup.freeze") or "").strip() == "1":
        return "cgroup.freeze", "0"
    return None


def some_of(inside):
    names = [inside[pid][0] for pid in sorted(inside)]
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


class Container:
    def __init__(self, cgroups, arguments):
        self.cgroups = cgroups
        self.arguments = arguments
        self.told = set()

    def survey(self, every_cgroup):
        """({pid: (name, where, Cgroup)}, [frozen cgroups], number of cgroups); of all cgroups, or of those that may have
        processes."""
        inside, cold, count = {}, [], 0
        for cgroup in self.cgroups:
            if not every_cgroup and cgroup.is_empty():
                continue
            for directory, where in cgroup.all():
                count += 1
                for pid in processes(directory):
                    if pid not in inside:
                        inside[pid] = process_name(pid), where, cgroup
                if frozen(directory):
                    cold.append(where)
        return inside, cold, count

    def deal_with(self):
        """Removes the container's cgroups, or raises a Failure."""
        dry = self.arguments.dry_run
        inside, cold, count = self.survey(every_cgroup=dry)
        if os.getpid() in inside:
            raise Failure(f"this process itself is in {inside[os.getpid()][1]}: run it outside of the container")
        if inside and not self.arguments.kill:
            raise Failure(f"{inside[min(inside)][2].shown} is in use, by {several(len(inside), 'process')}: {some_of(inside)}. "
                          "Stop the container; or, if the engine cannot, use --kill")
        if dry:
            for where in cold if inside else ():
                print(f"would thaw {where}")
            for _, (name, where, _) in sorted(inside.items(), key=lambda item: item[0]):
                print(f"would kill {name} in {where}")
            for cgroup in self.cgroups:
                print(f"would remove {cgroup.shown}")
            print(f"would remove {several(count, 'cgroup')} in all")
            return
        if inside:
            self.kill_all(inside)
        self.remove_all()

    def kill_all(self, inside):
        """The container first, its monitor after it."""
        cgroups = [cgroup for cgroup in self.cgroups if not cgroup.is_monitors]
        for cgroup in cgroups:
            write(cgroup.descriptor, "pids.max", "0")
        self.kill_until_empty(cgroups)
        for pid, (name, _, cgroup) in inside.items():
            if not cgroup.is_monitors:
                self.tell_killed(pid, name)
        monitors = [cgroup for cgroup in self.cgroups if cgroup.is_monitors]
        self.wait_for_end(monitors)
        self.kill_until_empty(monitors)

    def wait_for_end(self, cgroups):
        """What has to write down how the container ended does so, and ends by itself."""
        end = time.monotonic() + self.arguments.timeout
        while time.monotonic() < end and any(processes(directory) for cgroup in cgroups for directory, _ in cgroup.all()):
            time.sleep(0.1)

    def kill_until_empty(self, cgroups):
        end, pause = time.monotonic() + self.arguments.timeout, 0.01
        while True:
            left = {}
            for cgroup in cgroups:
                left.update(self.kill_once(cgroup))
            if not left:
                return
            if time.monotonic() > end:
                raise Failure(self.tell_left(left))
            time.sleep(pause)
            pause = min(2 * pause, 0.5)

    def kill_once(self, cgroup):
        """One pass through the tree; {pid: (name, where)} of those that were there. A process gets its signal before it is
        thawed, so that it does nothing more."""
        if cgroup.is_empty():
            return {}
        if not cgroup.hierarchy.controllers:
            # Linux 5.14, and not if the whole container is threaded. It kills in the cgroups below, too.
            write(cgroup.descriptor, "cgroup.kill", "1")
        left = {}
        for directory, where in cgroup.all():
            for pid, name in kill_members(directory).items():
                self.tell_killed(pid, name)
                left[pid] = name, where
            thaw = frozen(directory)
            if thaw and write(directory, *thaw):
                print(f"thawed {where}")
        if not left and cgroup.is_empty() is False:
            left[0] = "what cannot be seen", cgroup.shown
        return left

    def tell_killed(self, pid, name):
        if pid not in self.told:
            self.told.add(pid)
            print(f"killed {name}")

    def tell_left(self, left):
        said = [f"{name} in {where}, state {status_of(pid).get('State', 'unknown')}"
                for pid, (name, where) in sorted(left.items())[:NAMED]]
        more = f"; and {len(left) - NAMED} more" if len(left) > NAMED else ""
        return f"not gone {self.arguments.timeout:g} s after SIGKILL: {'; '.join(said)}{more}"

    def remove_all(self):
        end = time.monotonic() + self.arguments.timeout
        for cgroup in self.cgroups:
            pause = 0.01
            while cgroup.exists():
                busy = remove_below(cgroup.descriptor)
                if not busy and remove_directory(cgroup.parent, cgroup.name):
                    print(f"removed {cgroup.shown}")
                    break
                inside, _, _ = Container([cgroup], self.arguments).survey(every_cgroup=False)
                if inside and self.arguments.kill:
                    self.kill_until_empty([cgroup])
                elif inside or time.monotonic() > end:
                    by = f"now by {some_of(inside)}" if inside else "or so the kernel says"
                    raise Failure(f"{cgroup.shown} is in use, {by}")
                time.sleep(pause)
                pause = min(2 * pause, 0.5)
        for cgroup in self.cgroups:
            with contextlib.suppress(FileNotFoundError):
                os.stat(cgroup.name, dir_fd=cgroup.parent, follow_symlinks=False)
                raise Failure(f"{cgroup.shown} was made again: the engine has started the container once more")


# --- the command


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"error: {message}; --help says more", file=sys.stderr)
        sys.exit(1)


def parse_arguments():
    parser = Parser(prog="remove-cgroups.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ids", metavar="ID", nargs="*",
                        help="a container's id, or its first 12 digits or more if no other container's id begins so")
    parser.add_argument("--host-cgroups", action="store_true",
                        help="instead of an ID: remove the cgroups cginit-ID at the hierarchies' roots, of all containers, "
                             "that no process is in")
    parser.add_argument("--kill", action="store_true", help="kill the processes that are in the cgroups")
    parser.add_argument("--dry-run", action="store_true",
                        help="change nothing; say what would be thawed, killed and removed")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=10,
                        help="how long to wait for processes to be gone, and for the kernel (default 10)")
    arguments = parser.parse_args()
    if bool(arguments.ids) == arguments.host_cgroups:
        parser.error("give either a container's ID or --host-cgroups")
    if arguments.host_cgroups and arguments.kill:
        parser.error("--kill needs a container's ID")
    for text in arguments.ids:
        if not re.fullmatch("[0-9a-f]{12,64}", text):
            parser.error(f"'{show(text)}' is no container's id: 12 to 64 of the digits 0-9 and a-f")
    return arguments


def check_place():
    if os.geteuid() != 0:
        raise Failure("only root can remove cgroups")
    for name, number in HOST_NAMESPACES.items():
        if os.readlink(f"/proc/self/ns/{name}") != f"{name}:[{number}]":
            raise Failure(f"this is not the host's {name} namespace: run it on the host")


def containers(known, arguments):
    """[(id, cgroups)] of those that were asked for; it says which have none."""
    if arguments.host_cgroups:
        found = find(known, lambda full, prefix, names: prefix == "cginit" and not names)
    else:
        found = find(known, lambda full, *_: full.startswith(tuple(arguments.ids)))
    by_id = {}
    for cgroup in found:
        by_id.setdefault(cgroup.id, []).append(cgroup)
    for text in arguments.ids:
        matches = sorted(full for full in by_id if full.startswith(text))
        if len(matches) > 1:
            raise Failure(f"{text} is the beginning of several containers' ids: {', '.join(matches)}")
        if not matches:
            print(f"no cgroup carries the id {text}")
    return by_id.items()


def main():
    arguments = parse_arguments()
    failed = False
    try:
        check_place()
        with hierarchies() as known:
            for _, cgroups in containers(known, arguments):
                try:
                    Container(cgroups, arguments).deal_with()
                except (Failure, OSError) as error:
                    failed = True
                    sys.stdout.flush()
                    print(f"error: {error}", file=sys.stderr)
                for cgroup in cgroups:
                    cgroup.close()
    except (Failure, OSError) as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
