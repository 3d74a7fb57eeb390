#include "apply/linux/calls.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>

#include "apply/linux/files.hpp"
#include "core/path.hpp"
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

/// What a message with descriptors carries besides them: at least one byte, unix(7).
struct DescriptorMessage {
    explicit DescriptorMessage(std::size_t size) {
        content.iov_base = &byte;
        content.iov_len = sizeof byte;
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = size;
    }
    char byte = 0;
    iovec content{};
    msghdr header{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
};

bool send_descriptors(const UniqueFd& socket, const std::array<int, 2>& descriptors) {
    DescriptorMessage message(CMSG_SPACE(sizeof descriptors));
    cmsghdr* header = CMSG_FIRSTHDR(&message.header);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptors);
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof descriptors);
    return ::sendmsg(socket.get(), &message.header, MSG_NOSIGNAL) == sizeof message.byte;
}

/// EPROTO if others came, or none.
Result<KeptNamespaces> receive_namespaces(const UniqueFd& socket) {
    DescriptorMessage message(CMSG_SPACE(2 * sizeof(int)));
    ssize_t count = 0;
    do {
        count = ::recvmsg(socket.get(), &message.header, MSG_CMSG_CLOEXEC);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return make_errno_error(errno, "recvmsg");
    }
    std::array<int, 2> descriptors{};
    const cmsghdr* header = CMSG_FIRSTHDR(&message.header);
    if (count == 0 || header == nullptr || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof descriptors)) {
        return make_errno_error(EPROTO, "receive the namespaces");
    }
    std::memcpy(descriptors.data(), CMSG_DATA(header), sizeof descriptors);
    return KeptNamespaces{UniqueFd(descriptors[0]), UniqueFd(descriptors[1])};
}

struct SocketPair {
    UniqueFd inner;
    UniqueFd outer;
};

Result<SocketPair> make_socket_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return make_errno_error(errno, "socketpair");
    }
    return SocketPair{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

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
    const std::string process = process_directory(::getpid());
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

/// The child opens its namespaces itself: it is not dumpable (HideFromOthers), and its parent may lack the CAP_SYS_PTRACE that
/// its files in /proc then take.
Result<KeptNamespaces> make_namespaces(const MakeUserNamespace& op) {
    const Result<SocketPair> sockets = make_socket_pair();
    if (!sockets) {
        return sockets.error();
    }
    KeptNamespaces kept;
    const auto parent = [&](pid_t pid, const Pair& pair) -> Status {
        const int errnum = receive(pair.up.read_end);
        if (errnum != 0) {
            return make_errno_error(errnum, "unshare(CLONE_NEWUSER)");
        }
        Status written = write_maps(process_directory(pid), op.uid_map, op.gid_map);
        if (!written) {
            return written;
        }
        const int opened = receive(pair.up.read_end);
        if (opened != 0) {
            return make_errno_error(opened, "open /proc/self/ns/user");
        }
        Result<KeptNamespaces> received = receive_namespaces(sockets->outer);
        if (!received) {
            return received.error();
        }
        kept = std::move(*received);
        return {};
    };
    const auto child = [&sockets](const Pair& pair) {
        const Status unshared = unshare(CLONE_NEWUSER | CLONE_NEWCGROUP, "unshare(CLONE_NEWUSER)");
        const UniqueFd user(::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
        const UniqueFd cgroup(::open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC));
        const int opened = user.valid() && cgroup.valid() ? 0 : errno;
        const bool sent = opened != 0 || send_descriptors(sockets->inner, {user.get(), cgroup.get()});
        if (send(pair.up.write_end, unshared ? 0 : unshared.error().errnum) &&
            send(pair.up.write_end, sent ? opened : errno)) {
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
