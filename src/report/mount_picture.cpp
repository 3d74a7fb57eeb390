#include "report/plan_text.hpp"

#include <algorithm>
#include <functional>

#include "core/path.hpp"
#include "core/text.hpp"
#include "report/mount_rows.hpp"
#include "report/text.hpp"

namespace cginit {
namespace {

using Cell = std::optional<ShownMount>;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
/// What lies deeper is drawn there, with a longer name.
constexpr std::size_t kDeepest = 4;
constexpr std::size_t kNarrowest = 40;
constexpr std::string_view kMargin = "  ";

/// Where a row hangs in the tree.
struct Branch {
    std::size_t parent = kNone;
    std::size_t depth = 0;
    bool last = false;  ///< of its parent's children
};

std::vector<Branch> branches_of(const std::vector<MountRow>& rows) {
    std::vector<Branch> branches(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        // The rows are in the order of a tree walk: whatever holds this one holds the one before it, or is it.
        std::size_t above = i == 0 ? kNone : i - 1;
        while (above != kNone && (rows[above].covered || branches[above].depth == kDeepest ||
                                  !is_at_or_below(rows[i].point, rows[above].point))) {
            above = branches[above].parent;
        }
        branches[i] = {above, above == kNone ? 0 : branches[above].depth + 1, false};
    }
    std::vector<bool> has_later(rows.size());
    for (std::size_t i = rows.size(); i-- > 0;) {
        const std::size_t parent = branches[i].parent;
        if (parent != kNone) {
            branches[i].last = !has_later[parent];
            has_later[parent] = true;
        }
    }
    return branches;
}

/// `|  `- `
std::string branch_text(const std::vector<Branch>& branches, std::size_t row, const TextStyle& style) {
    if (branches[row].parent == kNone) {
        return {};
    }
    std::string drawn = branches[row].last ? (style.unicode ? "└─ " : "`- ") : (style.unicode ? "├─ " : "|- ");
    for (std::size_t up = branches[row].parent; branches[up].parent != kNone; up = branches[up].parent) {
        drawn.insert(0, branches[up].last ? "   " : (style.unicode ? "│  " : "|  "));
    }
    return drawn;
}

std::string name_of(const std::vector<MountRow>& rows, const std::vector<Branch>& branches, std::size_t row) {
    const MountRow& own = rows[row];
    std::string name = own.point;
    if (branches[row].parent != kNone) {
        name = path_below(own.point, rows[branches[row].parent].point).value_or(own.point);
        name.erase(0, name.starts_with('/') ? 1 : 0);
    }
    if (own.covered) {
        name += name.empty() ? "(covered)" : " (covered)";
    }
    return escaped(name);
}

std::string word_for(const ShownMount& shown) {
    if (!shown.reach) {
        return {};
    }
    const std::string unsure = shown.unsure ? "?" : "";
    switch (*shown.reach) {
        case Reach::private_: return "private" + unsure;
        case Reach::own: return "own" + unsure;
        case Reach::engine: return "engine";
        case Reach::host: return "host";
    }
    return {};
}

/// `rw private /docker/3aef.../cginit`: only the path is shortened, as long as that is enough.
std::string cell_text(const Cell& cell, std::size_t width, std::size_t word_width, const TextStyle& style) {
    if (!cell) {
        return "-";
    }
    std::string text = concat({cell->read_only ? "ro" : "rw", cell->what.empty() ? "" : " ", escaped(cell->what)});
    if (!cell->reach) {
        return shortened(text, width, style);
    }
    text += concat({" ", padded(word_for(*cell), word_width), " "});
    const std::string path = escaped(cell->cgroup);
    constexpr std::size_t kLeast = 4;
    if (columns(text) + kLeast > width) {
        return shortened(text + path, width, style);
    }
    return text + shortened(path, width - columns(text), style);
}

std::string painted(const std::string& text, const Cell& cell, bool changed, const TextStyle& style) {
    constexpr const char* kAlarming = "\033[31m";
    constexpr const char* kChanged = "\033[32m";
    const bool alarming = cell && cell->shows_more();
    if (!style.colour || (!alarming && !changed)) {
        return text;
    }
    return concat({alarming ? kAlarming : kChanged, text, "\033[0m"});
}

/// One drawing: the rows and how wide each part of a line is.
class Drawing {
public:
    Drawing(const std::vector<MountRow>& rows, bool two_sided, const TextStyle& style)
        : rows_(rows), branches_(branches_of(rows)), two_sided_(two_sided), style_(style) {
        const std::size_t width = std::max(style.width, kNarrowest);
        const std::size_t widest_name = width * 3 / 8;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::string tree = branch_text(branches_, i, style);
            names_.push_back(tree + shortened(name_of(rows, branches_, i), widest_name - columns(tree), style));
            name_width_ = std::max(name_width_, columns(names_.back()));
            for (const Cell* cell : {&rows[i].before, &rows[i].after}) {
                word_width_ = std::max(word_width_, *cell ? word_for(**cell).size() : 0);
            }
        }
        const std::size_t left = width - name_width_ - 2 * kMargin.size();
        after_width_ = two_sided ? left - kGap : left;
        if (two_sided) {
            const std::size_t wanted = widest(&MountRow::before, after_width_);
            const std::size_t other = widest(&MountRow::after, after_width_);
            const std::size_t half = after_width_ / 2;
            before_width_ = std::min(wanted, std::max(half, after_width_ - std::min(other, after_width_)));
            after_width_ -= before_width_;
        }
    }

    [[nodiscard]] std::string heading(const std::string& before, const std::string& after) const {
        std::string text = padded("view", name_width_ + 2 * kMargin.size());
        if (two_sided_) {
            text += padded(before, before_width_ + kGap);
        }
        return concat({text, after, "\n"});
    }

    [[nodiscard]] std::string line(std::size_t i) const {
        const MountRow& row = rows_[i];
        std::string text = concat({kMargin, padded(names_[i], name_width_), kMargin});
        if (two_sided_) {
            const std::string before = cell_text(row.before, before_width_, word_width_, style_);
            const std::string gap(before_width_ - columns(before), ' ');
            text += concat({painted(before, row.before, false, style_), gap, row.is_changed() ? " * " : "   "});
        }
        const std::string after = cell_text(row.after, after_width_, word_width_, style_);
        return concat({text, painted(after, row.after, row.is_changed(), style_), "\n"});
    }

private:
    /// Between the sides: the mark.
    static constexpr std::size_t kGap = 3;

    [[nodiscard]] std::size_t widest(Cell MountRow::*side, std::size_t limit) const {
        // The heading has to fit, too.
        std::size_t widest = 6;
        for (const MountRow& row : rows_) {
            widest = std::max(widest, columns(cell_text(row.*side, limit, word_width_, style_)));
        }
        return widest;
    }

    const std::vector<MountRow>& rows_;
    std::vector<Branch> branches_;
    bool two_sided_;
    TextStyle style_;
    std::vector<std::string> names_;
    std::size_t name_width_ = 4;
    std::size_t word_width_ = 0;
    std::size_t before_width_ = 0;
    std::size_t after_width_ = 0;
};

bool any_cell(const std::vector<MountRow>& rows, const std::function<bool(const ShownMount&)>& holds) {
    return std::any_of(rows.begin(), rows.end(), [&holds](const MountRow& row) {
        return (row.before && holds(*row.before)) || (row.after && holds(*row.after));
    });
}

/// What the words mean that were used.
std::vector<std::string> explanations(const std::vector<MountRow>& rows) {
    std::vector<std::string> said;
    if (std::any_of(rows.begin(), rows.end(), [](const MountRow& row) { return row.is_changed(); })) {
        said.emplace_back("*: changed");
    }
    for (const auto& [reach, meaning] : {std::pair{Reach::host, "host: more than the own cgroup"},
                                         {Reach::engine, "engine: above the init's cgroup"},
                                         {Reach::own, "own: by its path on the host"},
                                         {Reach::private_, "private: nothing above it in sight"}}) {
        const Reach wanted = reach;
        if (any_cell(rows, [wanted](const ShownMount& shown) { return shown.reach == wanted; })) {
            said.emplace_back(meaning);
        }
    }
    if (any_cell(rows, [](const ShownMount& shown) { return shown.unsure; })) {
        said.emplace_back("?: perhaps the host's root");
    }
    if (std::any_of(rows.begin(), rows.end(), [](const MountRow& row) { return row.covered; })) {
        said.emplace_back("covered: hidden, but within reach");
    }
    return said;
}

std::string legend(const std::vector<MountRow>& rows, const TextStyle& style) {
    std::string text;
    std::size_t used = 0;
    for (const std::string& meaning : explanations(rows)) {
        const bool fits = used != 0 && used + 2 + meaning.size() + 1 <= std::max(style.width, kNarrowest);
        text += concat({fits ? "; " : (used == 0 ? kMargin : ";\n  "), meaning});
        used = fits ? used + 2 + meaning.size() : kMargin.size() + meaning.size();
    }
    return text.empty() ? text : text + "\n";
}

std::string draw(const std::vector<MountRow>& rows, bool two_sided, const char* heading, const TextStyle& style) {
    if (rows.empty()) {
        return "view\n  no cgroup is mounted\n";
    }
    const Drawing drawing(rows, two_sided, style);
    std::string text = two_sided ? drawing.heading("before", "after") : drawing.heading({}, heading);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        text += drawing.line(i);
    }
    return text + legend(rows, style);
}

}  // namespace

std::string mount_picture(const World& world, const Decision& decision, const Plan& plan, const TextStyle& style) {
    const std::vector<MountRow> rows = mount_rows(world, decision, plan);
    const bool changed = std::any_of(rows.begin(), rows.end(), [](const MountRow& row) { return row.is_changed(); });
    return draw(rows, changed, "before and after", style);
}

std::string mount_picture(const World& world, const TextStyle& style) {
    return draw(mount_rows(world), false, "now", style);
}

}  // namespace cginit
