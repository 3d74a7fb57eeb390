#include "cli/refusals.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "cli/run_cginit.hpp"
#include "core/text.hpp"
#include "kernel/support/contract.hpp"
#include "unit/elf_image.hpp"

namespace cginit {
namespace {

void write_program(const std::string& path, const std::string& content, mode_t mode) {
    write_text(path, content);
    ::chmod(path.c_str(), mode);
}

}  // namespace

ContainerSpec container_for_cginit(EngineView view) {
    ContainerSpec spec{.name = "cli", .view = view};
    spec.copies = {{CGINIT_BINARY, "/cginit"}, {CGINIT_SHOW_PROCESS, kShowInit}};
    return spec;
}

void expect_refusals(const ContainerSpec& spec, const std::vector<Refused>& cases) {
    const TestCgroups cgroups;
    const int status = run_private_container(spec, cgroups, [&] {
        write_program("/cginit-work/foreign", elf_image(kForeignMachine), 0755);
        write_program("/cginit-work/text", "echo hello\n", 0755);
        write_program("/cginit-work/plain", "#!/bin/sh\n", 0644);
        write_program("/cginit-work/script", "#!/no/such/shell\n", 0755);
        write_program("/cginit-work/loader", elf_image(kOwnMachine, "/no/such/loader.so"), 0755);
        std::filesystem::copy_file(kShowInit, "/cginit-work/systemd");
        const Strings before = container_facts(cgroups);
        for (const Refused& c : cases) {
            SCOPED_TRACE(c.name);
            Strings argv{"/cginit"};
            argv.insert(argv.end(), c.arguments.begin(), c.arguments.end());
            expect_error(run_program(argv, c.environment, c.before), c.status, c.parts);
            EXPECT_EQ(join(container_facts(cgroups), "\n"), join(before, "\n"));
        }
    });
    EXPECT_EQ(status, 0);
}

}  // namespace cginit
