#include "kernel/support/test_cgroups.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "core/path.hpp"
#include "core/text.hpp"
#include "read/proc_files.hpp"

namespace cginit {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

void make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
        fail("mkdir " + path);
    }
}

/// The cgroup directories below `top`, parents first, without `top` itself. Others come and go meanwhile: one that is
/// gone when it is looked into ends nothing.
std::vector<std::string> cgroups_below(const std::string& top) {
    std::vector<std::string> found;
    std::vector<std::string> pending{top};
    while (!pending.empty()) {
        const std::string directory = pending.back();
        pending.pop_back();
        std::error_code error;
        for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
            std::error_code gone;
            if (it->is_directory(gone) && !gone) {
                found.push_back(it->path().string());
                pending.push_back(found.back());
            }
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<std::string> children_of(const std::string& directory) {
    std::vector<std::string> children = cgroups_below(directory);
    std::erase_if(children, [&directory](const std::string& below) { return parent_path(below) != directory; });
    return children;
}

/// A process that just ended holds its cgroup for a moment.
void remove_cgroup_tree(const std::string& top) {
    std::vector<std::string> all = cgroups_below(top);
    all.insert(all.begin(), top);
    for (auto directory = all.rbegin(); directory != all.rend(); ++directory) {
        for (int tries = 0; ::rmdir(directory->c_str()) != 0 && errno == EBUSY && tries < 200; ++tries) {
            ::usleep(10'000);
        }
    }
}

std::string first_line_if_any(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

/// A cpuset of v1 starts empty.
void make_cgroup_of(const HostHierarchy& hierarchy, const std::string& directory) {
    make_directory(directory);
    if (hierarchy.cpuset && !hierarchy.v2) {
        for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
            write_text(join_path(directory, file), first_line_if_any(join_path(parent_path(directory), file)));
        }
    }
}

std::string sorted_lines(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(line);
    }
    std::sort(lines.begin(), lines.end());
    return join(lines, " ");
}

}  // namespace

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    if (!file) {
        fail("open " + path);
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write_text(const std::string& path, const std::string& text) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!fd.valid() || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        fail("write " + path);
    }
}

std::vector<HostHierarchy> host_hierarchies() {
    std::vector<HostHierarchy> found;
    const MountTable table = parse_mountinfo(read_text("/proc/self/mountinfo"), "mountinfo").value();
    for (const MountEntry& mount : table) {
        const bool seen = std::any_of(found.begin(), found.end(),
                                      [&mount](const HostHierarchy& known) { return known.point == mount.point; });
        if (is_cgroup(mount) && mount.root == "/" && parent_path(mount.point) == "/sys/fs/cgroup" && !seen) {
            const auto options = split(mount.super_options, ',');
            found.push_back({base_name(mount.point), mount.point, mount.fstype == "cgroup2",
                             std::find(options.begin(), options.end(), "cpuset") != options.end()});
        }
    }
    return found;
}

std::string missing_for_kernel_tests() {
    if (::geteuid() != 0) {
        return "root";
    }
    const auto hierarchies = host_hierarchies();
    for (const char* name : {"memory", "blkio", "systemd", "unified"}) {
        if (std::none_of(hierarchies.begin(), hierarchies.end(),
                         [name](const HostHierarchy& hierarchy) { return hierarchy.name == name; })) {
            return concat({"a machine with /sys/fs/cgroup/", name});
        }
    }
    return {};
}

TestCgroups::TestCgroups()
    : top_("/cginit-test-" + std::to_string(::getpid())), path_(top_ + "/container"), hierarchies_(host_hierarchies()) {
    for (const HostHierarchy& hierarchy : hierarchies_) {
        const std::string top = hierarchy.point + top_;
        make_cgroup_of(hierarchy, top);
        if (hierarchy.v2) {
            for (const std::string& controller : split(first_line_if_any(join_path(top, "cgroup.controllers")), ' ')) {
                write_text(join_path(top, "cgroup.subtree_control"), "+" + controller);
            }
        }
        make_cgroup_of(hierarchy, directory(hierarchy));
        directories_.emplace_back(::open(directory(hierarchy).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    }
}

std::vector<std::string> TestCgroups::clean() {
    std::vector<std::string> left;
    for (const HostHierarchy& hierarchy : hierarchies_) {
        for (const std::string& below : children_of(directory(hierarchy))) {
            remove_cgroup_tree(below);
        }
        for (const std::string& directory : cgroups_below(directory(hierarchy))) {
            left.push_back(directory);
        }
        const std::string control = join_path(directory(hierarchy), "cgroup.subtree_control");
        for (const std::string& controller : split(first_line_if_any(control), ' ')) {
            write_text(control, "-" + controller);
        }
        for (const char* name : {"cgroup.max.descendants", "cgroup.max.depth"}) {
            const std::string limit = join_path(directory(hierarchy), name);
            if (!first_line_if_any(limit).empty()) {
                write_text(limit, "max");
            }
        }
    }
    return left;
}

TestCgroups::~TestCgroups() {
    for (const HostHierarchy& hierarchy : hierarchies_) {
        remove_cgroup_tree(hierarchy.point + top_);
        EXPECT_FALSE(std::filesystem::exists(hierarchy.point + top_)) << hierarchy.point + top_ << " is left behind";
    }
}

void TestCgroups::join(bool v2_too) const {
    for (std::size_t i = 0; i < directories_.size(); ++i) {
        if (v2_too || !hierarchies_[i].v2) {
            write_text(concat({"/proc/self/fd/", std::to_string(directories_[i].get()), "/cgroup.procs"}), "0");
        }
    }
}

std::vector<std::string> TestCgroups::tree() const {
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < directories_.size(); ++i) {
        const std::string top = concat({"/proc/self/fd/", std::to_string(directories_[i].get()), "/."});
        std::vector<std::string> all = cgroups_below(top);
        all.insert(all.begin(), top);
        for (const std::string& directory : all) {
            lines.push_back(concat({hierarchies_[i].name, ":", directory.substr(top.size()), " procs ",
                                    sorted_lines(join_path(directory, "cgroup.procs")), " subtree ",
                                    first_line_if_any(join_path(directory, "cgroup.subtree_control")), " cpus ",
                                    first_line_if_any(join_path(directory, "cpuset.cpus"))}));
        }
    }
    return lines;
}

namespace {

/// Those of `directories` with no process in them or below. A cgroup with processes is somebody's, who may end at any time;
/// a container can neither make nor remove one, since its processes have ended.
std::vector<std::string> without_processes(const std::vector<std::string>& directories) {
    std::set<std::string> populated;
    for (const std::string& directory : directories) {
        if (!first_line_if_any(join_path(directory, "cgroup.procs")).empty()) {
            for (std::string up = directory; up.size() > 1 && populated.insert(up).second; up = parent_path(up)) {
            }
        }
    }
    std::vector<std::string> rest = directories;
    std::erase_if(rest, [&populated](const std::string& directory) { return populated.count(directory) != 0; });
    return rest;
}

}  // namespace

std::vector<std::string> host_facts() {
    static const std::regex others("[0-9a-f]{32}|/cginit-test-|/(docker|libpod_parent)(/|$)");
    std::vector<std::string> facts = split(read_text("/proc/self/mountinfo"), '\n');
    for (const HostHierarchy& hierarchy : host_hierarchies()) {
        for (const std::string& directory : without_processes(cgroups_below(hierarchy.point))) {
            if (!std::regex_search(directory, others)) {
                facts.push_back(directory);
            }
        }
        for (const char* file :
             {"cgroup.subtree_control", "cgroup.clone_children", "notify_on_release", "release_agent"}) {
            facts.push_back(
                concat({hierarchy.point, "/", file, " ", first_line_if_any(join_path(hierarchy.point, file))}));
        }
    }
    return facts;
}

void expect_host_untouched(const std::vector<std::string>& before) {
    std::vector<std::string> now = host_facts();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (now != before && std::chrono::steady_clock::now() < end) {
        ::usleep(100'000);
        now = host_facts();
    }
    const std::multiset<std::string> then(before.begin(), before.end());
    const std::multiset<std::string> after(now.begin(), now.end());
    for (const std::string& fact : before) {
        EXPECT_EQ(after.count(fact), then.count(fact)) << "gone from the machine: " << fact;
    }
    for (const std::string& fact : now) {
        EXPECT_EQ(after.count(fact), then.count(fact)) << "new on the machine: " << fact;
    }
}

}  // namespace cginit
