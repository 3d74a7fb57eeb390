#include "apply/kernel_linux_userns.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>

#include "apply/kernel_linux_files.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return make_errno_error(errno, "pipe2");
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// The number that the other side sends; EPIPE if it ended without.
int receive(const UniqueFd& read_end) {
    int number = EPIPE;
    ssize_t count = 0;
    do {
        count = ::read(read_end.get(), &number, sizeof number);
    } while (count < 0 && errno == EINTR);
    return count == static_cast<ssize_t>(sizeof number) ? number : EPIPE;
}

bool send(const UniqueFd& write_end, int number) {
    return ::write(write_end.get(), &number, sizeof number) == static_cast<ssize_t>(sizeof number);
}

/// What a parent says last, besides closing the pipe: either of the two may fail, and the child has to end.
constexpr int kNoMore = -1;

/// A process and its child, which wait for each other once each way. Who ends early is heard of.
struct Pair {
    Pipe down;
    Pipe up;
};

Result<Pair> make_pair() {
    Result<Pipe> down = make_pipe();
    if (!down) {
        return down.error();
    }
    Result<Pipe> up = make_pipe();
    if (!up) {
        return up.error();
    }
    return Pair{std::move(*down), std::move(*up)};
}

/// An exception that left the child's function would take back the parent's work in the child.
[[noreturn]] void end_after(const std::function<void(const Pair&)>& child, const Pair& pair) {
    try {
        child(pair);
    } catch (...) {
        ::_exit(1);
    }
    ::_exit(0);
}

/// `parent` is given the child's pid; the child has ended when this returns.
Status beside_a_child(const std::function<Status(pid_t, const Pair&)>& parent,
                      const std::function<void(const Pair&)>& child) {
    Result<Pair> pair = make_pair();
    if (!pair) {
        return pair.error();
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
        pair->down.write_end = UniqueFd();
        pair->up.read_end = UniqueFd();
        end_after(child, *pair);
    }
    if (pid < 0) {
        return make_errno_error(errno, "fork");
    }
    // The read end of `down` stays: then nothing that is sent there can be a signal.
    pair->up.write_end = UniqueFd();
    Status status = parent(pid, *pair);
    static_cast<void>(send(pair->down.write_end, kNoMore));
    pair->down.write_end = UniqueFd();
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return status;
}

std::string directory_of(pid_t pid) { return concat({"/proc/", std::to_string(pid)}); }

/// Only from outside of a user namespace more than one id can be mapped.
Status write_maps(const std::string& process, const std::string& uids, const std::string& gids) {
    const Status written = write_file(concat({process, "/uid_map"}), uids);
    return written ? write_file(concat({process, "/gid_map"}), gids) : written;
}

Status unshare(int flags, const char* frame) {
    return ::unshare(flags) == 0 ? Status() : Status(make_errno_error(errno, frame));
}

}  // namespace

Status unshare_with_maps(const UnshareUserNamespace& op) {
    const std::string process = directory_of(::getpid());
    const auto parent = [&process](pid_t, const Pair& pair) -> Status {
        Status unshared =
            unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS, "unshare(CLONE_NEWUSER)");
        if (!unshared) {
            return unshared;
        }
        const int errnum = send(pair.down.write_end, 0) ? receive(pair.up.read_end) : EPIPE;
        return errnum == 0 ? Status() : Status(make_errno_error(errnum, concat({"write ", process, "/uid_map"})));
    };
    const auto child = [&](const Pair& pair) {
        if (receive(pair.down.read_end) != 0) {
            return;  // There is no namespace, and the parent knows why.
        }
        const Status written = write_maps(process, op.uid_map, op.gid_map);
        static_cast<void>(send(pair.up.write_end, written ? 0 : written.error().errnum));
    };
    return beside_a_child(parent, child);
}

Result<KeptNamespaces> make_namespaces(const MakeUserNamespace& op) {
    KeptNamespaces kept;
    const auto parent = [&](pid_t pid, const Pair& pair) -> Status {
        const int errnum = receive(pair.up.read_end);
        if (errnum != 0) {
            return make_errno_error(errnum, "unshare(CLONE_NEWUSER)");
        }
        const std::string process = directory_of(pid);
        Status written = write_maps(process, op.uid_map, op.gid_map);
        if (!written) {
            return written;
        }
        kept.user = UniqueFd(::open(concat({process, "/ns/user"}).c_str(), O_RDONLY | O_CLOEXEC));
        kept.cgroup = UniqueFd(::open(concat({process, "/ns/cgroup"}).c_str(), O_RDONLY | O_CLOEXEC));
        return kept.user.valid() && kept.cgroup.valid()
                   ? Status()
                   : Status(make_errno_error(errno, concat({"open ", process, "/ns/user"})));
    };
    const auto child = [](const Pair& pair) {
        const Status unshared = unshare(CLONE_NEWUSER | CLONE_NEWCGROUP, "unshare(CLONE_NEWUSER)");
        if (send(pair.up.write_end, unshared ? 0 : unshared.error().errnum)) {
            receive(pair.down.read_end);
        }
    };
    const Status made = beside_a_child(parent, child);
    return made ? Result<KeptNamespaces>(std::move(kept)) : made.error();
}

Status enter_namespaces(const KeptNamespaces& kept) {
    if (::setns(kept.user.get(), CLONE_NEWUSER) != 0) {
        return make_errno_error(errno, "setns(CLONE_NEWUSER)");
    }
    if (::setns(kept.cgroup.get(), CLONE_NEWCGROUP) != 0) {
        return make_errno_error(errno, "setns(CLONE_NEWCGROUP)");
    }
    return unshare(CLONE_NEWNS | CLONE_NEWUTS, "unshare(CLONE_NEWNS)");
}

}  // namespace cginit
