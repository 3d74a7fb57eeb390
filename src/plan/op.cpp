#include "cginit/op.hpp"

namespace cginit {

Op::Op(const Op& other) = default;
Op::Op(Op&& other) noexcept = default;
Op& Op::operator=(const Op& other) = default;
Op& Op::operator=(Op&& other) noexcept = default;
Op::~Op() = default;

bool Op::operator==(const Op& other) const {
    return static_cast<const AnyOp&>(*this) == static_cast<const AnyOp&>(other);
}

}  // namespace cginit
