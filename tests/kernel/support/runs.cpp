#include "kernel/support/runs.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "core/text.hpp"

namespace cginit {
namespace {

/// Layouts that the engine does not show.
std::vector<Run> layout_runs() {
    using View = EngineView;
    // Tests run side by side, and each leaves a cgroup of that name at the machine's root.
    const std::string id =
        std::string(48, 'c') + std::to_string(1'000'000'000'000'000ULL + static_cast<unsigned>(::getpid()));
    const auto run = [](ContainerSpec spec, std::optional<int> version, Layout layout = Layout::automatic,
                        const std::string& host_cgroup = "") {
        return Run{std::move(spec),
                   Method::automatic,
                   Inner::automatic,
                   version ? InitKind::systemd : InitKind::busybox,
                   {},
                   version,
                   layout,
                   Writable::all,
                   host_cgroup};
    };
    return {
        run({.name = "hidden_v2", .view = View::docker_v1}, std::nullopt, Layout::unified),
        run({.name = "hidden_v2_private", .view = View::docker_v1, .private_cgroup_namespace = true}, std::nullopt,
            Layout::unified),
        run({.name = "added_v2", .view = View::docker_v1}, 252),
        run({.name = "added_v2_private", .view = View::docker_v1, .private_cgroup_namespace = true}, 257),
        run({.name = "no_own_v2_private",
             .view = View::docker_v1,
             .private_cgroup_namespace = true,
             .v2_at_host_root = true},
            252),
        run({.name = "at_v2_root", .view = View::docker_v1, .v2_at_host_root = true, .id = id}, 262, Layout::automatic,
            "unified"),
        run({.name = "at_v2_root_private",
             .view = View::docker_v1,
             .private_cgroup_namespace = true,
             .v2_at_host_root = true,
             .id = id},
            262, Layout::automatic, "unified"),
        run({.name = "own_v2_and_permission", .view = View::docker_v1, .private_cgroup_namespace = true, .id = id},
            262),
        run({.name = "tracking", .view = View::docker_v2, .id = id}, 219, Layout::automatic, "systemd"),
    };
}

Run as_systemd(const ContainerSpec& spec, Method method = Method::automatic) {
    return {spec, method, Inner::automatic, InitKind::systemd, {}, 252};
}

/// The engine's view is covered, and what covers it locked.
std::vector<Run> user_namespace_runs() {
    using View = EngineView;
    return {
        {{.name = "userns_v1", .view = View::docker_v1}, Method::userns},
        {{.name = "userns_hybrid_private", .view = View::docker_hybrid, .private_cgroup_namespace = true},
         Method::userns},
        {{.name = "userns_v2", .view = View::docker_v2}, Method::userns},
        {{.name = "userns_v2_private", .view = View::docker_v2, .private_cgroup_namespace = true}, Method::userns},
        {{.name = "userns_root_stacked", .view = View::root_stacked}, Method::userns},
        {{.name = "userns_elsewhere", .view = View::docker_v2, .elsewhere_read_only = true}, Method::userns},
        as_systemd({.name = "userns_v1_systemd", .view = View::docker_v1, .secret_below_run = true}, Method::userns),
        as_systemd({.name = "userns_v2_shared_tree",
                    .view = View::docker_v2,
                    .private_cgroup_namespace = true,
                    .secret_below_run = true,
                    .shared_tree = true},
                   Method::userns),
    };
}

std::size_t terminals_of_the_machine() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
        count += entry.path().filename().string().starts_with("tty") ? 1U : 0U;
    }
    return count;
}

}  // namespace

std::vector<Run> runs() {
    using View = EngineView;
    std::vector<Run> all{
        {{.name = "v1_host", .view = View::docker_v1}},
        {{.name = "v1_private", .view = View::docker_v1, .private_cgroup_namespace = true}},
        {{.name = "v1_host_no_inner", .view = View::docker_v1}, Method::name_space, Inner::never},
        {{.name = "v1_bind", .view = View::docker_v1}, Method::bind},
        {{.name = "v1_bind_no_inner", .view = View::docker_v1}, Method::bind, Inner::never},
        {{.name = "hybrid_host", .view = View::docker_hybrid}},
        {{.name = "hybrid_private", .view = View::docker_hybrid, .private_cgroup_namespace = true}},
        {{.name = "hybrid_bind", .view = View::docker_hybrid}, Method::bind},
        {{.name = "v2_host", .view = View::docker_v2}},
        {{.name = "v2_private", .view = View::docker_v2, .private_cgroup_namespace = true}},
        {{.name = "v2_bind", .view = View::docker_v2}, Method::bind},
        {{.name = "v2_remount", .view = View::docker_v2, .private_cgroup_namespace = true},
         Method::remount,
         Inner::never},
        {{.name = "whole_tree_host", .view = View::whole_tree}},
        {{.name = "whole_tree_private", .view = View::whole_tree, .private_cgroup_namespace = true}},
        {{.name = "whole_tree_bind", .view = View::whole_tree}, Method::bind},
        {{.name = "podman_stacked", .view = View::podman_stacked}},
        {{.name = "root_stacked", .view = View::root_stacked}},
        {{.name = "v1_systemd_with_run", .view = View::docker_v1, .secret_below_run = true},
         Method::automatic,
         Inner::automatic,
         InitKind::systemd,
         {},
         252},
        as_systemd({.name = "v1_privileged", .view = View::docker_v1, .secret_below_run = true, .privileged = true}),
        as_systemd({.name = "v2_privileged_host_dev",
                    .view = View::docker_v2,
                    .private_cgroup_namespace = true,
                    .privileged = true,
                    .host_dev = true}),
        as_systemd({.name = "v2_shared_tree", .view = View::docker_v2, .privileged = true, .shared_tree = true}),
        as_systemd({.name = "v2_bind_systemd", .view = View::docker_v2, .privileged = true}, Method::bind),
        {{.name = "v2_elsewhere", .view = View::docker_v2, .elsewhere_read_only = true}},
        {{.name = "v2_elsewhere_kept", .view = View::docker_v2, .elsewhere_writable = true},
         Method::automatic,
         Inner::automatic,
         InitKind::busybox,
         {"/cginit-host/cgroup"}},
    };
    for (Run& run : user_namespace_runs()) {
        all.push_back(std::move(run));
    }
    using Choice = WordOrControllers<Writable>;
    for (const Choice& writable : {Choice(Writable::tracking), Choice(Lines{"blkio", "pids"})}) {
        for (const View view : {View::docker_hybrid, View::docker_v2}) {
            Run run{{.name = concat(
                         {"writable_", writable.is_list() ? "list" : "tracking", view == View::docker_v2 ? "_v2" : ""}),
                     .view = view}};
            run.writable = writable;
            all.push_back(std::move(run));
        }
    }
    for (Run& run : layout_runs()) {
        all.push_back(std::move(run));
    }
    return all;
}

Options options_of(const Run& run) {
    Options options;
    options.layout = run.layout;
    options.writable = run.writable;
    options.allow_host_cgroup = !run.spec.id.empty();
    options.method = run.method;
    options.inner = run.inner;
    options.keep_mounts = run.keep;
    return options;
}

ExpectedView expected_of(const Run& run) {
    using View = EngineView;
    const bool unified =
        run.spec.view == View::docker_v2 || run.spec.view == View::root_stacked || run.layout == Layout::unified;
    Lines read_only = {"blkio", "freezer"};
    if (run.writable == Writable::tracking) {
        read_only = {"blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"};
    } else if (run.writable.is_list()) {
        read_only = {"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory"};
    } else if (run.inner == Inner::never) {
        read_only = {};
    }
    return {run.keep, read_only, unified && run.init == InitKind::busybox && run.method != Method::remount};
}

InitTraits traits_of(const Run& run) { return {run.init, run.version, ""}; }

void PrintTo(const Run& run, std::ostream* out) { *out << run.spec.name; }

std::string made_in_dev(const Run& run) { return concat({"/dev/cginit-test-", run.spec.name}); }

void remove_host_cgroup(const Run& run) {
    if (!run.host_cgroup.empty()) {
        const std::string left = concat({"/sys/fs/cgroup/", run.host_cgroup, "/cginit-", run.spec.id});
        EXPECT_EQ(::rmdir(left.c_str()), 0) << left << " is not what the container left";
    }
}

void in_container(const Run& run, const std::function<void(const TestCgroups&)>& body) {
    const Lines host = host_facts();
    const std::size_t terminals = terminals_of_the_machine();
    {
        const TestCgroups cgroups;
        EXPECT_EQ(run_private_container(run.spec, cgroups, [&] { body(cgroups); }), 0);
    }
    remove_host_cgroup(run);
    expect_host_untouched(host);
    EXPECT_FALSE(std::filesystem::remove(made_in_dev(run)));
    EXPECT_EQ(terminals_of_the_machine(), terminals);
}

}  // namespace cginit
