// What the tests of captures share: a container to capture, and a report as whoever gets it reads it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "cli/run_cginit.hpp"
#include "core/capture_text.hpp"
#include "kernel/support/container.hpp"
#include "unit/temp_root.hpp"

namespace cginit {

using Strings = std::vector<std::string>;

inline constexpr const char* kSystemd = "/cginit-work/systemd";
inline constexpr const char* kBusybox = "/usr/bin/busybox";

void become(uid_t user);

/// A report as whoever gets it reads it: without privileges, on a machine that has nothing to do with it.
class Report {
public:
    explicit Report(const std::string& text);
    [[nodiscard]] const std::string& about() const { return capture_.about; }
    [[nodiscard]] const Files& files() const { return capture_.files; }
    [[nodiscard]] std::string text(const std::string& path) const;
    [[nodiscard]] Finished replay(const Strings& options = {}) const;

private:
    TempRoot root_;
    cginit::Capture capture_;
};

[[nodiscard]] ContainerSpec spec_of(EngineView view);

/// In one container, as a process of it that is not PID 1.
void in_container(const ContainerSpec& spec, const std::function<void(const TestCgroups&)>& body);

/// A container's root has no place for a report.
[[nodiscard]] std::string from_container(const ContainerSpec& spec,
                                         const std::function<std::string(const TestCgroups&)>& body);

}  // namespace cginit
