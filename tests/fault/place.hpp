#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "core/unique_fd.hpp"
#include "fault/tracer.hpp"
#include "kernel/support/container.hpp"

namespace cginit {

/// A container, what cginit is asked for in it, and the view that its init, the judge, then has to find.
struct Shape {
    ContainerSpec spec;
    std::vector<std::string> options = {};
    bool systemd = false;  ///< the judge is called systemd, and is one of version 252; else busybox
    bool leaf = false;
    std::vector<std::string> read_only = {"blkio", "freezer"};
    std::vector<std::string> environment = {};
};
void PrintTo(const Shape& shape, std::ostream* out);

/// What became of one run.
struct Finished {
    Traced traced;
    std::string output;              ///< the judge's
    std::string errors;              ///< standard error
    std::vector<std::string> facts;  ///< container_facts() right before its end, if that was before the init
};

/// Where the containers of a shape are run, one after the other. To be made in a mount namespace of its own.
class Place {
public:
    Place(const Shape& shape, TestCgroups& cgroups);

    /// Runs the shipped binary as PID 1; `before` is called in the process that becomes it.
    [[nodiscard]] Finished run(const Fault& fault, const std::function<void()>& before = {});
    /// container_facts() before anything was run.
    [[nodiscard]] const std::vector<std::string>& engines_facts() const { return engines_facts_; }
    /// See TestCgroups.
    [[nodiscard]] std::vector<std::string> clean() { return cgroups_.clean(); }

private:
    [[nodiscard]] std::vector<std::string> facts_of(pid_t process, const std::string& own_namespace) const;

    Shape shape_;
    TestCgroups& cgroups_;
    std::vector<std::string> argv_;
    std::vector<std::string> environment_;
    UniqueFd output_;
    UniqueFd errors_;
    std::vector<std::string> engines_facts_;
};

/// $CGINIT_BIN, else what the release preset built.
[[nodiscard]] std::string shipped_binary();

/// As CGINIT_NEEDS_KERNEL(), and the binary has to be there.
#define CGINIT_NEEDS_SHIPPED_BINARY()                                                            \
    do {                                                                                         \
        CGINIT_NEEDS_KERNEL();                                                                   \
        if (::access(::cginit::shipped_binary().c_str(), X_OK) != 0) {                           \
            if (::cginit::must_run()) {                                                          \
                FAIL() << ::cginit::shipped_binary() << " is missing: build the preset release"; \
            }                                                                                    \
            GTEST_SKIP() << "needs " << ::cginit::shipped_binary();                              \
        }                                                                                        \
    } while (false)

}  // namespace cginit
