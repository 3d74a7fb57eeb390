#pragma once

#include <string>
#include <vector>

#include "cginit/options.hpp"
#include "cginit/plan.hpp"
#include "cginit/result.hpp"
#include "report/text.hpp"

namespace cginit {

// The log on standard error, `cginit: warning: ...`; without time, colour or thread: this is PID 1.

/// All of the text to standard output.
[[nodiscard]] Status print_text(const std::string& text);
/// What suits standard output and the environment.
[[nodiscard]] TextStyle text_style(const std::vector<std::string>& environment);

void set_log_level(LogLevel level);
void log_error(const std::string& text);
/// The one error that is told without memory.
void log_out_of_memory();
void log_warning(const std::string& text);
void log_debug(const std::string& text);
void log_info(const std::string& text);
/// What an image's ENV must not silence.
void log_at_every_level(LogLevel kind, const std::string& text);
/// debug: one step as --dry-run prints it, and when it begins, counted from the start.
void log_step(std::size_t number, const Step& step);

}  // namespace cginit
