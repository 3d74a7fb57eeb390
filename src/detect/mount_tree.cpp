#include "detect/detect.hpp"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "core/path.hpp"
#include "core/text.hpp"

namespace cginit {
namespace {

using Numbers = std::vector<std::size_t>;
using IndexById = std::unordered_map<int, std::size_t>;

/// Those whose parent is out of sight; the root of a whole namespace is its own.
Numbers tops_of(const MountTable& table, const IndexById& index_of) {
    Numbers tops;
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (table[i].parent == table[i].id || !index_of.contains(table[i].parent)) {
            tops.push_back(i);
        }
    }
    return tops;
}

std::optional<TreeFault> fault_in_tops(const MountTable& table, const Numbers& tops) {
    const auto root = std::find_if(tops.begin(), tops.end(), [&table](std::size_t i) { return table[i].point == "/"; });
    for (const std::size_t top : tops) {
        const bool in_place = root == tops.end() ? table[top].parent == table[tops.front()].parent : top == *root;
        if (!in_place) {
            return TreeFault{top,
                             concat({"mount ", std::to_string(table[top].parent), ", on which it lies, is missing"})};
        }
    }
    return std::nullopt;
}

/// The first entry to which no way leads from the tops: its ancestors go round in a circle.
std::optional<TreeFault> fault_in_circle(const MountTable& table, const IndexById& index_of, Numbers reached) {
    std::vector<Numbers> children(table.size());
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto parent = index_of.find(table[i].parent);
        if (parent != index_of.end() && parent->second != i) {
            children[parent->second].push_back(i);
        }
    }
    std::vector<bool> seen(table.size());
    while (!reached.empty()) {
        const std::size_t i = reached.back();
        reached.pop_back();
        seen[i] = true;
        reached.insert(reached.end(), children[i].begin(), children[i].end());
    }
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (!seen[i]) {
            return TreeFault{i, "it lies on itself"};
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<TreeFault> fault_in_tree(const MountTable& table) {
    IndexById index_of;
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (!index_of.emplace(table[i].id, i).second) {
            return TreeFault{i, "its mount id is there twice"};
        }
    }
    const Numbers tops = tops_of(table, index_of);
    if (auto fault = fault_in_tops(table, tops)) {
        return fault;
    }
    for (std::size_t i = 0; i < table.size(); ++i) {
        const auto parent = index_of.find(table[i].parent);
        if (parent != index_of.end() && !is_at_or_below(table[i].point, table[parent->second].point)) {
            return TreeFault{i, concat({"it does not lie below ", table[parent->second].point, ", its parent"})};
        }
    }
    return fault_in_circle(table, index_of, tops);
}

}  // namespace cginit
