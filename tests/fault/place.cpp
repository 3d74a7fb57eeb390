#include "fault/place.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <stdexcept>

#include "core/text.hpp"
#include "kernel/support/contract.hpp"

namespace cginit {
namespace {

using Strings = std::vector<std::string>;

/// The two ends of a pipe.
struct Pipe {
    UniqueFd out;
    UniqueFd in;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe2");
    }
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void tell(const Pipe& pipe) { static_cast<void>(::write(pipe.in.get(), "", 1) == 1); }

void wait_for(const Pipe& pipe) {
    char byte = 0;
    if (::read(pipe.out.get(), &byte, 1) != 1) {
        throw std::runtime_error("the container did not come up");
    }
}

void empty(const UniqueFd& file) {
    static_cast<void>(::ftruncate(file.get(), 0) == 0);
    ::lseek(file.get(), 0, SEEK_SET);
}

std::vector<char*> pointers_to(const Strings& texts) {
    std::vector<char*> pointers;
    for (const std::string& text : texts) {
        pointers.push_back(const_cast<char*>(text.c_str()));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// `memory: procs 123 456 subtree ...`: every run has other pids.
std::string without_pids(std::string line) {
    const std::size_t begin = line.find(" procs ");
    const std::size_t end = line.find(" subtree ");
    if (begin != std::string::npos && end != std::string::npos) {
        const std::string procs = line.substr(begin, end - begin);
        const auto count = std::count(procs.begin(), procs.end(), ' ') - 1;
        line.replace(begin, end - begin, concat({" processes ", procs == " procs " ? "0" : std::to_string(count)}));
    }
    return line;
}

}  // namespace

void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.spec.name; }

std::string shipped_binary() {
    const char* named = std::getenv("CGINIT_BIN");
    return named != nullptr ? named : concat({CGINIT_SOURCE_DIR, "/build/release/cginit"});
}

Place::Place(const Shape& shape, TestCgroups& cgroups)
    : shape_(shape),
      cgroups_(cgroups),
      argv_({"/cginit"}),
      environment_(shape.environment),
      output_(::memfd_create("output", MFD_CLOEXEC)),
      errors_(::memfd_create("errors", MFD_CLOEXEC)) {
    const std::string init = concat({"/cginit-work/", shape.systemd ? "systemd" : "busybox"});
    shape_.spec.copies = {{shipped_binary(), "/cginit"}, {CGINIT_JUDGE, init}};
    if (shape.systemd) {
        shape_.spec.copies.emplace_back(CGINIT_JUDGE, "/cginit-work/libsystemd-shared-252.so");
    }
    argv_.insert(argv_.end(), shape.options.begin(), shape.options.end());
    for (const std::string& argument : {std::string("--"), init, std::string(shape.leaf ? "leaf" : "root"),
                                        std::string(shape.spec.secret_below_run ? "/run/secrets/token" : "")}) {
        argv_.push_back(argument);
    }
    argv_.insert(argv_.end(), shape.read_only.begin(), shape.read_only.end());
    prepare_container(shape_.spec, cgroups_);
}

Strings Place::facts_of(pid_t process, const std::string& own_namespace) const {
    Strings facts = container_facts(cgroups_, concat({"/proc/", std::to_string(process)}));
    std::transform(facts.begin(), facts.end(), facts.begin(), without_pids);
    // Every run has another one.
    std::replace(facts.begin(), facts.end(), own_namespace, std::string("cgroup namespace as it was"));
    return facts;
}

Finished Place::run(const Fault& fault, const std::function<void()>& before) {
    empty(output_);
    empty(errors_);
    Pipe ready = make_pipe();
    Pipe go = make_pipe();
    const pid_t init = start_container(shape_.spec, cgroups_, [&] {
        start_bystander();
        ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
        ::dup2(output_.get(), STDOUT_FILENO);
        ::dup2(errors_.get(), STDERR_FILENO);
        tell(ready);
        wait_for(go);
        if (before) {
            before();
        }
        ::execve(argv_[0].c_str(), pointers_to(argv_).data(), pointers_to(environment_).data());
        ::_exit(99);
    });
    ready.in = UniqueFd();
    wait_for(ready);
    const std::string cgroup_namespace =
        std::filesystem::read_symlink(concat({"/proc/", std::to_string(init), "/ns/cgroup"})).string();
    if (engines_facts_.empty()) {
        engines_facts_ = facts_of(init, cgroup_namespace);
    }
    Finished finished;
    finished.traced = trace(
        init, [&go] { tell(go); }, fault, [&] { finished.facts = facts_of(init, cgroup_namespace); });
    for (const auto& [file, text] : {std::pair(&output_, &finished.output), std::pair(&errors_, &finished.errors)}) {
        *text = read_text(concat({"/proc/self/fd/", std::to_string(file->get())}));
    }
    return finished;
}

}  // namespace cginit
