#include "kernel/support/faults.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "core/text.hpp"
#include "kernel/support/container.hpp"

namespace cginit {
namespace {

/// Zeroed, and seen by all children.
Tally* shared_tallies() {
    void* memory = ::mmap(nullptr, kWorkers * sizeof(Tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::runtime_error("mmap");
    }
    return static_cast<Tally*>(memory);
}

}  // namespace

bool all_faults() {
    const char* value = std::getenv("CGINIT_FAULTS");
    return value != nullptr && std::string(value) == "all";
}

void Tally::count_error(int errnum) {
    const auto* found = std::find(kErrnos.begin(), kErrnos.end(), errnum);
    ++errors.at(static_cast<std::size_t>(found - kErrnos.begin()));
}

Tally& Tally::operator+=(const Tally& other) {
    for (std::size_t i = 0; i < errors.size(); ++i) {
        errors.at(i) += other.errors.at(i);
    }
    kills += other.kills;
    refused += other.refused;
    survived += other.survived;
    after_commit += other.after_commit;
    before_main += other.before_main;
    never += other.never;
    return *this;
}

void Tally::print(const std::string& name) const {
    std::size_t total = 0;
    std::string each;
    for (std::size_t i = 0; i < errors.size(); ++i) {
        total += errors.at(i);
        each += concat({i == 0 ? "" : " ", strerrorname_np(kErrnos.at(i)), " ", std::to_string(errors.at(i))});
    }
    std::printf(
        "[  FAULTS  ] %s: %zu errors (%s), %zu kills; %zu refused, %zu survived, %zu after the commit, %zu before "
        "main(); "
        "%zu never come to\n",
        name.c_str(), total, each.c_str(), kills, refused, survived, after_commit, before_main, never);
}

Tally in_workers(const std::function<Tally(std::size_t worker)>& body) {
    Tally* const tallies = shared_tallies();
    std::array<pid_t, kWorkers> workers{};
    for (std::size_t i = 0; i < kWorkers; ++i) {
        workers.at(i) = start_child([&body, tallies, i] { tallies[i] = body(i); });
    }
    Tally sum;
    for (std::size_t i = 0; i < kWorkers; ++i) {
        EXPECT_EQ(status_of(workers.at(i)), 0) << "worker " << i;
        sum += tallies[i];
    }
    ::munmap(tallies, kWorkers * sizeof(Tally));
    return sum;
}

}  // namespace cginit
