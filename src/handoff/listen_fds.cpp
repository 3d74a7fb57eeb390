#include "handoff/handoff_ops.hpp"

#include <optional>

#include "cginit/invocation.hpp"
#include "core/text.hpp"

namespace cginit {

int first_fd_to_close(const std::vector<std::string>& environment, int pid) {
    constexpr int kFirst = 3;
    // The largest value of /proc/sys/fs/nr_open (its default is 2^20) that fits: beyond it the number is garbage.
    constexpr std::uint64_t kMost = 0x7fffff00;
    const char* count_text = environment_value(environment, "LISTEN_FDS");
    if (count_text == nullptr) {
        return kFirst;
    }
    if (const char* pid_text = environment_value(environment, "LISTEN_PID")) {
        const std::optional<std::uint64_t> listen_pid = parse_number(pid_text);
        if (pid < 0 || listen_pid != static_cast<std::uint64_t>(pid)) {
            return kFirst;
        }
    }
    const std::optional<std::uint64_t> count = parse_number(count_text);
    return count && *count < kMost ? kFirst + static_cast<int>(*count) : kFirst;
}

CloseDescriptors descriptors_to_close(const std::vector<std::string>& environment, int pid,
                                      const std::vector<InheritedDescriptor>& inherited) {
    CloseDescriptors closing{first_fd_to_close(environment, pid)};
    for (const InheritedDescriptor& descriptor : inherited) {
        if (descriptor.number < closing.first) {
            closing.others.push_back(descriptor.number);
        }
    }
    return closing;
}

}  // namespace cginit
