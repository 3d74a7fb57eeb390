#include "app/output.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string_view>

#include "core/text.hpp"
#include "report/text.hpp"

namespace cginit {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
        case LogLevel::off: return spdlog::level::off;
    }
    return spdlog::level::info;
}

spdlog::logger make_logger() {
    spdlog::logger made("cginit", std::make_shared<spdlog::sinks::stderr_sink_st>());
    // No time in the pattern: it would read /etc/localtime.
    made.set_pattern("%n: %l: %v", spdlog::pattern_time_type::utc);
    return made;
}

spdlog::logger& logger() {
    static spdlog::logger instance = make_logger();
    return instance;
}

/// `12.345 ms`: since the log was set up, at the start of main().
std::string elapsed_text() {
    static const auto kStart = std::chrono::steady_clock::now();
    const auto passed = std::chrono::steady_clock::now() - kStart;
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(passed).count();
    // A one before them keeps the zeros.
    const std::string fraction = std::to_string(1000 + microseconds % 1000).substr(1);
    return concat({std::to_string(microseconds / 1000), ".", fraction, " ms"});
}

/// What a mount point, an argument or a variable brings along must not end the line, nor fill the log, nor move a cursor.
std::string one_line(const std::string& text) {
    constexpr std::size_t kHead = 1000;
    constexpr std::size_t kTail = 500;
    const bool is_long = text.size() > kHead + kTail;
    return escaped(is_long ? concat({text.substr(0, kHead), " [...] ", text.substr(text.size() - kTail)}) : text);
}

}  // namespace

Status print_text(const std::string& text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = ::write(STDOUT_FILENO, text.data() + written, text.size() - written);
        if (count < 0 && errno != EINTR) {
            return make_errno_error(errno, "write to standard output");
        }
        written += count < 0 ? 0U : static_cast<std::size_t>(count);
    }
    return {};
}

TextStyle text_style(const std::vector<std::string>& environment) {
    return text_style_for(environment, ::isatty(STDOUT_FILENO) == 1);
}

void set_log_level(LogLevel level) {
    logger().set_level(to_spdlog(level));
    static_cast<void>(elapsed_text());
}
void log_error(const std::string& text) { logger().error(one_line(text)); }
void log_out_of_memory() {
    constexpr std::string_view kText = "cginit: error: out of memory\n";
    static_cast<void>(::write(STDERR_FILENO, kText.data(), kText.size()) > 0);
}
void log_warning(const std::string& text) { logger().warn(one_line(text)); }
void log_debug(const std::string& text) { logger().debug(one_line(text)); }
void log_info(const std::string& text) { logger().info(one_line(text)); }

void log_at_every_level(LogLevel kind, const std::string& text) {
    const spdlog::level::level_enum level = logger().level();
    logger().set_level(spdlog::level::info);
    logger().log(to_spdlog(kind), one_line(text));
    logger().set_level(level);
}

void log_step(std::size_t number, const Step& step) {
    if (logger().should_log(spdlog::level::debug)) {
        log_debug(concat(
            {"step ", std::to_string(number), " at ", elapsed_text(), ": ", describe(step.op), " (", step.why, ")"}));
    }
}

}  // namespace cginit
