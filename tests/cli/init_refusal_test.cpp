#include <gtest/gtest.h>

#include "cli/refusals.hpp"

// Inits that cannot be executed.

namespace cginit {
namespace {

TEST(Refusal, InitThatCannotBeExecuted) {
    CGINIT_NEEDS_KERNEL();
    expect_refusals(
        container_for_cginit(EngineView::docker_v1),
        {{"missing", {"/no/such/init"}, {}, {}, 127, {"/no/such/init: No such file or directory"}},
         {"not in PATH",
          {"no-such-init"},
          {"PATH=/usr/bin"},
          {},
          127,
          {"no-such-init: not found in PATH", "cginit /sbin/init"}},
         {"directory", {"/usr"}, {}, {}, 126, {"/usr: Is a directory"}},
         {"not executable", {"/cginit-work/plain"}, {}, {}, 126, {"/cginit-work/plain is not executable"}},
         {"foreign", {"/cginit-work/foreign"}, {}, {}, 126, {"ELF file for another machine"}},
         {"neither ELF nor script", {"/cginit-work/text"}, {}, {}, 126, {"Exec format error"}},
         {"interpreter missing", {"/cginit-work/script"}, {}, {}, 127, {"/no/such/shell: No such file or directory"}},
         {"loader missing", {"/cginit-work/loader"}, {}, {}, 127, {"/no/such/loader.so, which does not exist"}},
         {"device", {"/dev/null"}, {}, {}, 126, {"/dev/null is not a regular file"}}});
}

}  // namespace
}  // namespace cginit
