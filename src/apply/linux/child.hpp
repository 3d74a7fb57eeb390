#pragma once

#include <cstddef>
#include <functional>
#include <new>
#include <type_traits>

#include "cginit/result.hpp"

namespace cginit {

/// Runs `body` in a child process that ends right after it and hands over the `size` bytes at `answer`. Errors: no child
/// could be made, or it ended early.
[[nodiscard]] Status run_in_child(const std::function<void()>& body, void* answer, std::size_t size);

/// What `body` returns in a child process that ends right after it; `out_of_memory` where there was none left. Nothing is
/// thrown past the child's end: on the way the parent's work would be taken back.
template <class T>
[[nodiscard]] Result<T> in_child(const std::function<T()>& body, const T& out_of_memory) {
    static_assert(std::is_trivially_copyable_v<T>);
    T answer = out_of_memory;
    const auto guarded = [&] {
        try {
            answer = body();
        } catch (const std::bad_alloc&) {
            answer = out_of_memory;
        }
    };
    const Status ran = run_in_child(guarded, &answer, sizeof answer);
    return ran ? Result<T>(answer) : ran.error();
}

}  // namespace cginit
