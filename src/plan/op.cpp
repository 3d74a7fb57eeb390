#include "cginit/op.hpp"

#include "core/text.hpp"

namespace cginit {

Op::Op(const Op& other) = default;
Op::Op(Op&& other) noexcept = default;
Op& Op::operator=(const Op& other) = default;
Op& Op::operator=(Op&& other) noexcept = default;
Op::~Op() = default;

bool Op::operator==(const Op& other) const {
    return static_cast<const AnyOp&>(*this) == static_cast<const AnyOp&>(other);
}

std::string describe(const MountFlags& flags) {
    std::vector<std::string> words{flags.read_only ? "ro" : "rw"};
    if (flags.nosuid) {
        words.emplace_back("nosuid");
    }
    if (flags.nodev) {
        words.emplace_back("nodev");
    }
    if (flags.noexec) {
        words.emplace_back("noexec");
    }
    if (!flags.atime.empty()) {
        words.push_back(flags.atime);
    }
    return join(words, ",");
}

}  // namespace cginit
