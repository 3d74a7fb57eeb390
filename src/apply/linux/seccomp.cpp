#include "apply/linux/calls.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace cginit {
namespace {

// By hand, since libseccomp with its tables of all calls of all architectures would add 105 KB for these four.

/// One way into the kernel: the numbers of arch/*/kernel/syscalls/*.tbl, which are those of scripts/syscall.tbl where an
/// architecture is younger than that table.
struct Abi {
    std::uint32_t arch;
    std::uint32_t clone;
    std::uint32_t unshare;
    std::uint32_t setns;
    std::uint32_t clone3 = 435;
};

#if defined(__x86_64__)
constexpr std::array<Abi, 2> kAbis{{{AUDIT_ARCH_X86_64, 56, 272, 308}, {AUDIT_ARCH_I386, 120, 310, 346}}};
#elif defined(__aarch64__)
constexpr std::array<Abi, 2> kAbis{{{AUDIT_ARCH_AARCH64, 220, 97, 268}, {AUDIT_ARCH_ARM, 120, 337, 375}}};
#elif defined(__arm__)
constexpr std::array<Abi, 2> kAbis{{{AUDIT_ARCH_ARM, 120, 337, 375}, {AUDIT_ARCH_AARCH64, 220, 97, 268}}};
#elif defined(__riscv) && __riscv_xlen == 64
constexpr std::array<Abi, 2> kAbis{{{AUDIT_ARCH_RISCV64, 220, 97, 268}, {AUDIT_ARCH_RISCV32, 220, 97, 268}}};
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
// What 32-bit programs there would be is said by syscall_get_arch() alone.
constexpr std::array<Abi, 2> kAbis{{{AUDIT_ARCH_PPC64LE, 120, 282, 350}, {EM_PPC | __AUDIT_ARCH_LE, 120, 282, 350}}};
#elif defined(__s390x__)
constexpr std::array<Abi, 2> kAbis{{{AUDIT_ARCH_S390X, 120, 303, 339}, {AUDIT_ARCH_S390, 120, 303, 339}}};
#else
#error "say here which numbers clone(2), unshare(2) and setns(2) have"
#endif

/// CONFIG_CLONE_BACKWARDS2: there the stack comes first.
#ifdef __s390x__
constexpr std::size_t kFlagsOfClone = 1;
#else
constexpr std::size_t kFlagsOfClone = 0;
#endif
constexpr std::size_t kFlagsOfUnshare = 0;

/// x32 has the numbers of x86_64 with this bit set, and the same arch.
constexpr std::uint32_t kWithoutX32 = ~0x40000000U;
constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kAbsent = SECCOMP_RET_ERRNO | ENOSYS;

constexpr sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
/// The lower half of an argument, which has all flags.
constexpr sock_filter load_argument(std::size_t index) {
    constexpr std::size_t kLowerHalf = std::endian::native == std::endian::big ? sizeof(std::uint32_t) : 0;
    return load(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t) + kLowerHalf);
}
constexpr sock_filter give(std::uint32_t verdict) { return BPF_STMT(BPF_RET | BPF_K, verdict); }
/// If the accumulator is `value`: goes on, past the next `then`; else past the next `otherwise`.
constexpr sock_filter compare(std::uint32_t value, std::uint8_t then, std::uint8_t otherwise) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise);
}

/// The accumulator holds the arch before, and after if it is another one.
std::array<sock_filter, 14> rules_of(const Abi& abi) {
    return {compare(abi.arch, 0, 13),
            load(offsetof(seccomp_data, nr)),
            BPF_STMT(BPF_ALU | BPF_AND | BPF_K, kWithoutX32),
            compare(abi.clone3, 8, 0),
            compare(abi.setns, 8, 0),
            compare(abi.unshare, 3, 0),
            compare(abi.clone, 0, 4),
            load_argument(kFlagsOfClone),
            BPF_STMT(BPF_JMP | BPF_JA, 1),
            load_argument(kFlagsOfUnshare),
            BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 2, 0),
            give(SECCOMP_RET_ALLOW),
            give(kAbsent),
            give(kRefuse)};
}

}  // namespace

Status forbid_user_namespaces() {
    std::vector<sock_filter> filter{load(offsetof(seccomp_data, arch))};
    for (const Abi& abi : kAbis) {
        const auto rules = rules_of(abi);
        filter.insert(filter.end(), rules.begin(), rules.end());
    }
    // No kernel of these machines has a third way in.
    filter.push_back(give(kRefuse));
    const sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
    // Without the flag, kernels before 5.16 slow down all that the init starts (spec_store_bypass_disable=seccomp); those
    // before 4.17 do not know it.
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program) == 0 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) {
        return {};
    }
    return make_errno_error(errno, "prctl(PR_SET_SECCOMP)");
}

}  // namespace cginit
