#include "app/output.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>

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
    spdlog::logger logger("cginit", std::make_shared<spdlog::sinks::stderr_sink_st>());
    // No time in the pattern: it would read /etc/localtime.
    logger.set_pattern("%n: %l: %v", spdlog::pattern_time_type::utc);
    return logger;
}

spdlog::logger& logger() {
    static spdlog::logger instance = make_logger();
    return instance;
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

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }
void log_error(const std::string& text) { logger().error(text); }
void log_warning(const std::string& text) { logger().warn(text); }
void log_debug(const std::string& text) { logger().debug(text); }
void log_info(const std::string& text) { logger().info(text); }

void log_step(std::size_t number, const Step& step) {
    if (logger().should_log(spdlog::level::debug)) {
        logger().debug("step {}: {} ({})", number, describe(step.op), step.why);
    }
}

}  // namespace cginit
