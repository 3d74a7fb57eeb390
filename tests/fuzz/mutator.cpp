#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/text.hpp"

// Changes that keep an input readable: whole lines, fields of a mountinfo line, settings. Bytes at random would seldom
// get past the parsers. libFuzzer calls it with a seed, and gets the same for the same.

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace cginit {
namespace {

using Lines = std::vector<std::string>;

/// What fields of mountinfo can be, in their order: root, mount point, options, optional fields, type, source, and the
/// superblock's options.
const std::array<Lines, 7> kFields{{
    {"/", "/..", "/../..", "/../other", "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
     "/system.slice", "/init.scope", "/cginit", "//deleted", "/a\\040b"},
    {"/",
     "/sys",
     "/sys/fs/cgroup",
     "/sys/fs/cgroup/memory",
     "/sys/fs/cgroup/unified",
     "/sys/fs/cgroup/systemd",
     "/sys/fs/cgroup/systemd/docker",
     "/sys/fs/cgroup/cpu,cpuacct",
     "/host/sys/fs/cgroup/memory",
     "/proc",
     "/proc/driver",
     "/proc/sys",
     "/dev",
     "/dev/tty1",
     "/dev/pts",
     "/run",
     "/run/lock",
     "/run/secrets",
     "/tmp",
     "/tmp/x\\134y",
     "/mnt/a\\040b",
     "/sys/fs/cgroup\\040(deleted)",
     "/sys/fs"},
    {"rw", "ro", "rw,nosuid,nodev,noexec,relatime", "ro,nosuid,nodev,noexec,relatime", "rw,noatime"},
    {"-", "shared:1 -", "shared:7 -", "master:1 -", "shared:9 master:1 -", "master:3 propagate_from:2 -",
     "unbindable -"},
    {"cgroup", "cgroup2", "tmpfs", "sysfs", "proc", "overlay", "ext4", "fuse.lxcfs", "devtmpfs"},
    {"cgroup", "cgroup2", "cginit", "tmpfs", "none", "sysfs", "/dev/vda"},
    {"rw", "ro", "rw,cpu,cpuacct", "rw,cpu", "rw,cpuset", "rw,memory", "rw,devices", "rw,blkio", "rw,pids",
     "rw,net_cls,net_prio", "rw,net_cls", "rw,xattr,name=systemd", "rw,name=other", "rw,nsdelegate", "rw,misc",
     "ro,mode=755"},
}};

const Lines kWishes{
    "CGINIT_LAYOUT=host",
    "CGINIT_LAYOUT=unified",
    "CGINIT_LAYOUT=hybrid",
    "CGINIT_LAYOUT=legacy",
    "CGINIT_METHOD=namespace",
    "CGINIT_METHOD=bind",
    "CGINIT_METHOD=remount",
    "CGINIT_METHOD=none",
    "CGINIT_INNER=never",
    "CGINIT_WRITABLE=tracking",
    "CGINIT_WRITABLE=memory,io",
    "CGINIT_WRITABLE=blkio,cpu",
    "CGINIT_DELEGATE=all",
    "CGINIT_DELEGATE=none",
    "CGINIT_DELEGATE=memory,pids",
    "CGINIT_ALLOW_HOST_CGROUP=1",
    "CGINIT_TMPFS=never",
    "CGINIT_TMPFS=/run,/tmp",
    "CGINIT_TMPFS=/run/lock",
    "CGINIT_SYS=keep",
    "CGINIT_PROPAGATION=keep",
    "CGINIT_TTYS=keep",
    "CGINIT_KEEP_MOUNT=/host",
    "CGINIT_DROP_CAP=sys_admin",
    "init systemd:252",
    "init systemd:262",
    "init systemd:256",
    "init systemd:219",
    "init systemd",
    "init busybox",
    "init dockerd",
    "init finit",
    "init openrc",
    "pid 1",
    "pid 7",
    "fails 1",
    "fails 2",
    "fails 5",
    "fails 64",
    "fails 4294967295",
};

const Lines kCgroups{
    "0::/",       "0::/../..",     "0::/init.scope",  "1:name=systemd:/",      "2:cpu,cpuacct:/docker/0123",
    "3:memory:/", "4:net_cls:/..", "5:name=other:/a", "6:devices:/docker/a:b", "7:misc:/"};

const Lines kFiles{
    "== /run/",
    "== /run/lock/",
    "== /tmp/",
    "== /run@",
    "== /run/lock@",
    "== /tmp@",
    "== /tmp",
    "== /run",
    "== /dev/tty1",
    "== /dev/null",
    "== /dev/tty2@",
    "== /sys/fs/cgroup/cgroup.procs",
    "== /sys/fs/cgroup/cgroup.type",
    "== /sys/fs/cgroup/memory/cgroup.procs",
    "== /sys/fs/cgroup/memory/release_agent",
    "== /sys/fs/cgroup/unified/cgroup.procs",
    "== /sys/fs/cgroup/unified/cgroup.type",
    "== /sys/fs/cgroup/systemd/cgroup.procs",
    "== /sys/fs/cgroup/systemd/release_agent",
    "== /proc/self/ns/cgroup\ncgroup:[4026531835]",
    "== /proc/self/ns/cgroup\ncgroup:[4026532000]",
    "== /proc/self/uid_map\n         0          0 4294967295",
    "== /proc/self/uid_map\n0 100000 65536",
    "== /proc/sys/kernel/osrelease\n4.4.0",
    "== /proc/sys/kernel/osrelease\n6.1.0",
    "== /proc/filesystems\nnodev\tcgroup2",
    "== /proc/cgroups\nmemory\t0\t1\t0",
    "== /proc/self/status\nCapEff:\t0000003fffffffff\nSeccomp:\t0",
    "== /proc/self/status\nCapEff:\t00000000a80425fb",
};

class Mutation {
public:
    Mutation(const std::string& text, unsigned seed) : random_(seed), lines_(split(text, '\n')) {
        if (!lines_.empty() && lines_.back().empty()) {
            lines_.pop_back();
        }
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            section_ = lines_[i].starts_with("== ") ? lines_[i].substr(3) : section_;
            (section_ == "/proc/self/mountinfo" ? mounts_
             : section_ == "/proc/self/cgroup"  ? cgroups_
                                                : others_)
                .push_back(i);
        }
    }

    std::string run() {
        for (unsigned changes = 1 + below(3); changes > 0; --changes) {
            change();
        }
        std::string text;
        for (const std::string& line : lines_) {
            text += line.empty() ? "" : line + "\n";
        }
        return text;
    }

private:
    unsigned below(std::size_t limit) { return static_cast<unsigned>(random_() % (limit == 0 ? 1 : limit)); }

    const std::string& any(const Lines& from) { return from[below(from.size())]; }

    /// A line of one kind, but not the name of its section; empty lines are gone from the result.
    std::string* any_line(const std::vector<std::size_t>& kind) {
        if (kind.empty()) {
            return nullptr;
        }
        std::string& line = lines_[kind[below(kind.size())]];
        return line.empty() || line.starts_with("== ") ? nullptr : &line;
    }

    void change() {
        const unsigned which = below(16);
        if (which < 2) {
            lines_.insert(lines_.begin(), any(kWishes));
            shift();
        } else if (which < 3) {
            lines_.push_back(any(kFiles));
        } else if (which < 5) {
            change_cgroup();
        } else if (which < 6) {
            if (std::string* line = any_line(others_)) {
                line->clear();
            }
        } else {
            change_mount(which);
        }
    }

    /// After a line was put before all others.
    void shift() {
        for (auto* kind : {&mounts_, &cgroups_, &others_}) {
            for (std::size_t& number : *kind) {
                ++number;
            }
        }
    }

    void change_cgroup() {
        std::string* line = any_line(cgroups_);
        if (line == nullptr) {
            return;
        }
        const std::size_t colon = line->rfind(':');
        switch (below(4)) {
            case 0: line->clear(); break;
            case 1: *line += "\n" + any(kCgroups); break;
            case 2: *line = line->substr(0, colon + 1) + any(kFields[0]); break;
            default: *line = any(kCgroups);
        }
    }

    void change_mount(unsigned which) {
        std::string* line = any_line(mounts_);
        std::string* other = any_line(mounts_);
        if (line == nullptr || other == nullptr) {
            return;
        }
        switch (which) {
            case 6: line->clear(); break;
            case 7: *line += "\n" + copy_of(*other, *line); break;
            case 8: *line += "\n" + copy_of(*other, *other); break;
            case 9: std::swap(*line, *other); break;
            default: *line = with_field(*line, *other);
        }
    }

    /// The mount once more with an id of its own, mounted on `parent`.
    std::string copy_of(const std::string& line, const std::string& parent) {
        Lines words = split(line, ' ');
        if (words.size() > 4) {
            words[0] = std::to_string(10000 + below(10000));
            words[1] = split(parent, ' ').front();
            words[4] = below(2) == 0 ? words[4] : any(kFields[1]);
        }
        return join(words, " ");
    }

    std::string with_field(const std::string& line, const std::string& other) {
        Lines words = split(line, ' ');
        const Lines others = split(other, ' ');
        const auto dash = std::find(words.begin(), words.end(), "-");
        if (words.size() < 6 || dash < words.begin() + 6 || words.end() - dash < 4) {
            return line;
        }
        const unsigned field = below(kFields.size() + 1);
        if (field == kFields.size()) {
            words[1] = others[0];
        } else if (field == 3) {
            words.erase(words.begin() + 6, dash);
            words[6] = any(kFields[3]);
        } else {
            std::string& word = field < 3 ? words[3 + field] : dash[static_cast<std::ptrdiff_t>(field) - 3];
            const bool borrow = field < 2 && others.size() > 4 && below(2) == 0;
            word = borrow ? others[3 + below(2)] : any(kFields[field]);
        }
        return join(words, " ");
    }

    std::minstd_rand random_;
    Lines lines_;
    std::string section_;
    std::vector<std::size_t> mounts_;
    std::vector<std::size_t> cgroups_;
    std::vector<std::size_t> others_;
};

}  // namespace
}  // namespace cginit

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    // libFuzzer's own, with its dictionary, for what nobody thought of.
    if (seed % 8 == 0) {
        return LLVMFuzzerMutate(data, size, most);
    }
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::string changed = cginit::Mutation(text, seed).run().substr(0, most);
    std::memcpy(data, changed.data(), changed.size());
    return changed.size();
}
