#include "decide/stages.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "unit/world_builder.hpp"

namespace cginit {
namespace {

using Change = std::function<void(Snapshot&, Options&)>;

constexpr const char* kRunReason = "systemd needs /run as a tmpfs and would hide what the engine put there";
constexpr const char* kLockReason = "anyone may write there, and must not fill up /run";
constexpr const char* kTmpReason = "systemd wants /tmp empty at boot";
constexpr const char* kNoSysAdmin = "it needs CAP_SYS_ADMIN, which this container has not";

/// docker run --privileged.
Snapshot privileged() {
    Snapshot snapshot = docker_v2();
    snapshot.places = {
        {"/run", PlaceType::directory}, {"/run/lock", PlaceType::directory}, {"/tmp", PlaceType::directory}};
    snapshot.host_ttys = {"tty0", "tty1"};
    snapshot.mounts[2].flags.read_only = false;
    snapshot.mounts[2].super_options = "rw";
    return snapshot;
}

void mount_at(Snapshot& snapshot, const std::string& line) { snapshot = with_mount(std::move(snapshot), line); }
void mount_run(Snapshot& snapshot) { mount_at(snapshot, "40 10 0:60 / /run rw - tmpfs tmpfs rw\n"); }
void drop_sys_admin(Snapshot& snapshot) { snapshot.status.effective_capabilities = 0; }

Decision decided(const Change& change, Options options = {}) {
    Snapshot snapshot = privileged();
    Decision decision;
    change(snapshot, options);
    const Status status = choose_expectations(classify(snapshot), options, decision);
    EXPECT_TRUE(status) << status.error().message();
    return decision;
}

std::string text_of(const Measure& measure) { return (measure.taken ? "+ " : "- ") + measure.reason; }

struct Case {
    const char* what;
    Change change;
    std::vector<std::string> measures;
};

TEST(ChooseExpectations, Tmpfs) {
    const std::string run = std::string("+ ") + kRunReason;
    const std::string lock = std::string("+ ") + kLockReason;
    const std::string tmp = std::string("+ ") + kTmpReason;
    const std::string never = "- --tmpfs=never";
    const std::string other = "- only systemd needs it";
    for (const Case& c : std::vector<Case>{
             {"all", [](Snapshot&, Options&) {}, {run, lock, tmp}},
             {"not captured",
              [](Snapshot& s, Options&) { s.places.clear(); },
              {run, lock, "- it is not known whether /tmp is a directory"}},
             {"below them",
              [](Snapshot& s, Options&) {
                  mount_at(s, "40 10 0:60 / /run/lock/a rw - tmpfs tmpfs rw\n");
                  mount_at(s, "41 10 0:61 / /tmp/a rw - tmpfs tmpfs rw\n");
              },
              {run, lock, tmp}},
             {"/run by the engine", [](Snapshot& s, Options&) { mount_run(s); },
              {"- /run is a mount already", lock, tmp}},
             {"/run by the engine, no /run/lock",
              [](Snapshot& s, Options&) {
                  mount_run(s);
                  s.places["/run/lock"] = PlaceType::absent;
              },
              {"- /run is a mount already", "- there is no /run/lock", tmp}},
             {"/run a symlink",
              [](Snapshot& s, Options&) { s.places["/run"] = PlaceType::symlink; },
              {"- /run is a symlink", "- /run is a symlink", tmp}},
             {"no /run",
              [](Snapshot& s, Options&) {
                  s.places["/run"] = PlaceType::absent;
                  s.places["/run/lock"] = PlaceType::absent;
              },
              {"- there is no /run", "- there is no /run/lock", tmp}},
             {"/run/lock by the engine",
              [](Snapshot& s, Options&) { mount_at(s, "40 10 0:60 / /run/lock rw - tmpfs tmpfs rw\n"); },
              {run, "- /run/lock is a mount already", tmp}},
             {"/tmp by the engine",
              [](Snapshot& s, Options&) { mount_at(s, "40 10 0:60 / /tmp rw - tmpfs tmpfs rw\n"); },
              {run, lock, "- /tmp is a mount already"}},
             {"/tmp a symlink",
              [](Snapshot& s, Options&) { s.places["/tmp"] = PlaceType::symlink; },
              {run, lock, "- /tmp is a symlink"}},
             {"/tmp a file",
              [](Snapshot& s, Options&) { s.places["/tmp"] = PlaceType::other; },
              {run, lock, "- /tmp is no directory"}},
             {"never", [](Snapshot&, Options& o) { o.tmpfs.emplace(); }, {never, never, never}},
             {"another init", [](Snapshot& s, Options&) { s.init.kind = InitKind::openrc; }, {other, other, other}},
             {"a list, for any init",
              [](Snapshot& s, Options& o) {
                  s.init.kind = InitKind::openrc;
                  o.tmpfs = {"/run/lock", "/tmp"};
              },
              {"- --tmpfs does not name it", "+ asked for with --tmpfs", "+ asked for with --tmpfs"}},
             {"no capability",
              [](Snapshot& s, Options&) {
                  drop_sys_admin(s);
                  mount_run(s);
              },
              {"- /run is a mount already", std::string("- ") + kNoSysAdmin, std::string("- ") + kNoSysAdmin}}}) {
        const Decision decision = decided(c.change);
        ASSERT_EQ(decision.tmpfs.size(), c.measures.size());
        for (std::size_t i = 0; i < c.measures.size(); ++i) {
            EXPECT_EQ(decision.tmpfs[i].point, kTmpfsPoints[i]);
            EXPECT_EQ(text_of(decision.tmpfs[i].measure), c.measures[i]) << c.what;
        }
        EXPECT_TRUE(decision.warnings.empty()) << c.what;
    }
}

TEST(ChooseExpectations, TheJournalOfSystemd259IsKeptOutOfTheWritableLayer) {
    const auto journal = [](
                             int version, PlaceType place, const Change& change = [](Snapshot&, Options&) {}) {
        const Decision decision = decided([&](Snapshot& s, Options& o) {
            s.init.version = version;
            s.places[kJournal] = place;
            change(s, o);
        });
        return decision.tmpfs.size() < kTmpfsPoints.size() ? "" : text_of(decision.tmpfs.back().measure);
    };
    EXPECT_EQ(journal(258, PlaceType::empty), "");
    EXPECT_EQ(journal(259, PlaceType::empty), "+ the journal would fill up the container's writable layer");
    EXPECT_EQ(journal(262, PlaceType::directory), "- there are journals already");
    EXPECT_EQ(journal(262, PlaceType::absent), "- there is no /var/log/journal");
    EXPECT_EQ(journal(262, PlaceType::symlink), "- /var/log/journal is a symlink");
    EXPECT_EQ(journal(262, PlaceType::unknown), "- it is not known whether /var/log/journal is a directory");
    const Change volume = [](Snapshot& s, Options&) {
        mount_at(s, "40 10 8:1 /journal /var/log/journal rw - ext4 /dev/vda rw\n");
    };
    EXPECT_EQ(journal(262, PlaceType::empty, volume), "- /var/log/journal is a mount already");
    const Change above = [](Snapshot& s, Options&) { mount_at(s, "40 10 8:1 /logs /var/log rw - ext4 /dev/vda rw\n"); };
    EXPECT_EQ(journal(262, PlaceType::empty, above), "- it is in the mount at /var/log");
    const Change asked = [](Snapshot&, Options& o) { o.tmpfs = {kJournal}; };
    EXPECT_EQ(journal(252, PlaceType::directory, asked), "+ asked for with --tmpfs");
    EXPECT_EQ(journal(262, PlaceType::empty, [](Snapshot& s, Options&) { s.init.kind = InitKind::openrc; }), "");
}

TEST(ChooseExpectations, WhatWasAskedForIsNotLeftSilently) {
    const Decision decision = decided([](Snapshot& s, Options& o) {
        o.tmpfs = {"/run", "/tmp"};
        s.places["/tmp"] = PlaceType::symlink;
        mount_run(s);
    });
    EXPECT_EQ(decision.warnings, std::vector<std::string>{"--tmpfs=/tmp: /tmp is a symlink, ignoring"});
}

TEST(ChooseExpectations, WithoutTheCapabilityRunIsRefused) {
    for (const auto& [wish, point] :
         {std::pair{std::optional<std::vector<std::string>>(), "/run"}, {std::vector<std::string>{"/tmp"}, "/tmp"}}) {
        Snapshot snapshot = privileged();
        drop_sys_admin(snapshot);
        Options options;
        options.tmpfs = wish;
        Decision decision;
        const Status status = choose_expectations(classify(snapshot), options, decision);
        ASSERT_FALSE(status) << point;
        EXPECT_EQ(status.error().message(),
                  std::string("this container has no CAP_SYS_ADMIN, which mounting a tmpfs on ") + point +
                      " needs; let the engine mount it (--tmpfs " + point + "), or leave " + point +
                      " as it is with --tmpfs=never");
    }
}

void expect_measures(const std::vector<Case>& cases, Measure Decision::*member) {
    for (const Case& c : cases) {
        EXPECT_EQ(text_of(decided(c.change).*member), c.measures.front()) << c.what;
    }
}

std::vector<Case> common_cases() {
    return {{"another init", [](Snapshot& s, Options&) { s.init.kind = InitKind::runit; }, {"- only systemd needs it"}},
            {"no capability",
             [](Snapshot& s, Options& o) {
                 drop_sys_admin(s);
                 o.tmpfs.emplace();
             },
             {std::string("- ") + kNoSysAdmin}}};
}

TEST(ChooseExpectations, Sys) {
    expect_measures(common_cases(), &Decision::sys_read_only);
    expect_measures(
        {{"writable", [](Snapshot&, Options&) {}, {"+ on a writable one systemd manages the host's devices"}},
         {"keep", [](Snapshot&, Options& o) { o.sys = Expected::keep; }, {"- --sys=keep"}},
         {"read-only",
          [](Snapshot& s, Options&) { s.mounts[2].flags.read_only = true; },
          {"- it is read-only already"}},
         {"read-only superblock",
          [](Snapshot& s, Options&) { s.mounts[2].super_options = "ro"; },
          {"- it is read-only already"}},
         {"covered by a tmpfs",
          [](Snapshot& s, Options&) { mount_at(s, "40 12 0:60 / /sys rw - tmpfs tmpfs rw\n"); },
          {"- no sysfs is mounted there"}}},
        &Decision::sys_read_only);
}

TEST(ChooseExpectations, Ttys) {
    expect_measures(common_cases(), &Decision::hide_ttys);
    expect_measures(
        {{"privileged", [](Snapshot&, Options&) {}, {"+ systemd would take the host's terminals"}},
         {"keep", [](Snapshot&, Options& o) { o.ttys = Expected::keep; }, {"- --ttys=keep"}},
         {"not captured", [](Snapshot& s, Options&) { s.host_ttys.reset(); }, {"- it is not known what is in /dev"}},
         {"none", [](Snapshot& s, Options&) { s.host_ttys.emplace(); }, {"- none of the host's are there"}},
         {"bound",
          [](Snapshot& s, Options&) {
              mount_at(s, "40 10 0:60 /1 /dev/tty0 rw - devpts devpts rw\n");
              mount_at(s, "41 10 0:60 /2 /dev/tty1 rw - devpts devpts rw\n");
          },
          {"- none of the host's are there"}},
         {"user namespace",
          [](Snapshot& s, Options&) { s.uid_map = "0 100000 65536"; },
          {"- a user namespace can mount no /dev that opens devices"}}},
        &Decision::hide_ttys);
    const Decision one =
        decided([](Snapshot& s, Options&) { mount_at(s, "40 10 0:60 /1 /dev/tty0 rw - devpts devpts rw\n"); });
    EXPECT_EQ(one.ttys, std::vector<std::string>{"tty1"});
    EXPECT_TRUE(decided([](Snapshot&, Options& o) { o.ttys = Expected::keep; }).ttys.empty());
}

TEST(ChooseExpectations, Propagation) {
    expect_measures(common_cases(), &Decision::share_tree);
    expect_measures({{"slave", [](Snapshot&, Options&) {}, {"+ systemd expects it of the container manager"}},
                     {"keep", [](Snapshot&, Options& o) { o.propagation = Expected::keep; }, {"- --propagation=keep"}},
                     {"shared, and cut off to be rebuilt",
                      [](Snapshot& s, Options&) { s.mounts[0].propagation.shared = 7; },
                      {"+ what was cut off from its peers is shared again"}},
                     {"shared, and nothing moved",
                      [](Snapshot& s, Options& o) {
                          s.mounts[0].propagation.shared = 7;
                          o.tmpfs.emplace();
                          o.ttys = Expected::keep;
                      },
                      {"- it is shared already"}}},
                    &Decision::share_tree);
}

}  // namespace
}  // namespace cginit
