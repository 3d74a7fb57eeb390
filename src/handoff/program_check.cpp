#include "handoff/program_check.hpp"

#include <elf.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/text.hpp"
#include "read/source.hpp"

namespace cginit {

namespace {

/// Enough for the program headers and the loader's name, which linkers put first.
constexpr std::size_t kHeadSize = 4096;
/// BINPRM_BUF_SIZE: what the kernel looks at for `#!`.
constexpr std::size_t kScriptLine = 256;
/// The kernel follows interpreters that are scripts themselves five times, then ELOOP.
constexpr int kMaxInterpreters = 5;

// The machine, and the other one that a kernel for it may run: its 32-bit programs, or those of the 64-bit kernel around it.
#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
constexpr Elf64_Half kSister = EM_386;
constexpr const char* kMachineName = "x86_64";
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
constexpr Elf64_Half kSister = EM_ARM;
constexpr const char* kMachineName = "aarch64";
#elif defined(__arm__)
constexpr Elf64_Half kMachine = EM_ARM;
constexpr Elf64_Half kSister = EM_AARCH64;
constexpr const char* kMachineName = "arm";
#elif defined(__riscv) && __riscv_xlen == 64
constexpr Elf64_Half kMachine = EM_RISCV;
constexpr Elf64_Half kSister = EM_RISCV;
constexpr const char* kMachineName = "riscv64";
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
constexpr Elf64_Half kMachine = EM_PPC64;
constexpr Elf64_Half kSister = EM_PPC;
constexpr const char* kMachineName = "ppc64le";
#elif defined(__s390x__)
constexpr Elf64_Half kMachine = EM_S390;
constexpr Elf64_Half kSister = EM_S390;
constexpr const char* kMachineName = "s390x";
#else
#error "the ELF machine of this architecture is missing here"
#endif
constexpr unsigned char kByteOrder = std::endian::native == std::endian::big ? ELFDATA2MSB : ELFDATA2LSB;

Error cannot_execute(std::string why, int errnum = 0) {
    const Error error =
        errnum != 0 ? make_errno_error(errnum, std::move(why)) : make_error(ErrorCode::bad_init, std::move(why));
    return error.about_init(ErrorKind::cannot_execute);
}

template <class T>
std::optional<T> read_at(const std::string& bytes, std::size_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

/// What the file says to start with it: `#!/bin/sh -e` is "/bin/sh"; empty if there is nothing after `#!`.
std::string script_interpreter(const std::string& head) {
    std::string_view line = std::string_view(head).substr(2, kScriptLine - 2);
    line = trim(line.substr(0, line.find('\n')));
    return std::string(line.substr(0, line.find_first_of(" \t")));
}

template <class Header, class Segment>
std::string loader_of(const std::string& head) {
    const std::optional<Header> file = read_at<Header>(head, 0);
    if (!file || file->e_phentsize != sizeof(Segment)) {
        return {};
    }
    for (std::size_t i = 0; i < file->e_phnum; ++i) {
        const std::optional<Segment> segment =
            read_at<Segment>(head, static_cast<std::size_t>(file->e_phoff) + i * sizeof(Segment));
        if (!segment) {
            return {};
        }
        if (segment->p_type == PT_INTERP) {
            if (segment->p_offset >= head.size() || segment->p_filesz > head.size() - segment->p_offset) {
                return {};
            }
            const std::string name =
                head.substr(static_cast<std::size_t>(segment->p_offset), static_cast<std::size_t>(segment->p_filesz));
            return name.substr(0, name.find('\0'));
        }
    }
    return {};
}

/// The program loader (PT_INTERP) of an ELF file: `/lib64/ld-linux-x86-64.so.2`; empty if it has none, or none that the head
/// shows.
std::string elf_loader(const std::string& head) {
    return head[EI_CLASS] == ELFCLASS64 ? loader_of<Elf64_Ehdr, Elf64_Phdr>(head)
                                        : loader_of<Elf32_Ehdr, Elf32_Phdr>(head);
}

Status check_elf(const Source& source, const std::string& file, const std::string& head, Program& program) {
    const std::optional<Elf64_Half> machine = read_at<Elf64_Half>(head, offsetof(Elf64_Ehdr, e_machine));
    if (!machine) {
        return cannot_execute(concat({file, " is an ELF file that is cut off"}));
    }
    if (head[EI_DATA] != kByteOrder || (*machine != kMachine && *machine != kSister)) {
        program.unless_registered =
            cannot_execute(concat({file, " is an ELF file for another machine than this one (", kMachineName, ")"}));
        return {};
    }
    const std::string loader = elf_loader(head);
    if (loader.empty()) {
        return {};
    }
    const Result<std::string> resolved = resolve_path(source, loader);
    if (!resolved) {
        // execve(2) would say ENOENT, as if the file itself were missing.
        return make_error(ErrorCode::no_init,
                          concat({file, " needs the program loader ", loader, ", which does not exist"}))
            .about_init(ErrorKind::not_found);
    }
    program.needs.push_back(*resolved);
    return {};
}

/// The interpreter of a script, resolved and known to exist.
Result<std::string> find_interpreter(const Source& source, const std::string& file, const std::string& head) {
    const std::string interpreter = script_interpreter(head);
    if (interpreter.empty()) {
        return cannot_execute(concat({file, " is a script without an interpreter after `#!`"}));
    }
    Result<std::string> resolved = resolve_path(source, interpreter);
    if (!resolved) {
        return make_errno_error(resolved.error().errnum,
                                concat({file, " is a script for the interpreter ", interpreter}))
            .about_init(ErrorKind::not_found);
    }
    return resolved;
}

Status check_is_executable_file(const Source& source, const std::string& file) {
    switch (source.type(file)) {
        case FileType::regular: break;
        case FileType::absent: return make_errno_error(ENOENT, file).about_init(ErrorKind::not_found);
        case FileType::directory: return cannot_execute(file, EISDIR);
        case FileType::unknown: return cannot_execute(file, EACCES);
        default: return cannot_execute(concat({file, " is not a regular file"}));
    }
    if (!source.is_executable(file)) {
        return cannot_execute(concat({file, " is not executable"}), EACCES);
    }
    return {};
}

}  // namespace

Result<Program> check_program(const Source& source, const std::string& file) {
    Program program;
    std::string current = file;
    for (int depth = 0; depth <= kMaxInterpreters; ++depth) {
        if (const Status status = check_is_executable_file(source, current); !status) {
            return status.error();
        }
        const Result<std::string> head = source.read_head(current, kHeadSize);
        if (!head) {
            return program;  // Execute-only: execve(2) needs no read permission.
        }
        if (!head->starts_with("#!")) {
            if (!head->starts_with(ELFMAG)) {
                const Error refusal =
                    cannot_execute(concat({current, " is neither an ELF file nor a script with `#!`"}), ENOEXEC);
                // A text is a script that lost its first line, and no format that anybody registered.
                if (head->find('\0') == std::string::npos) {
                    return refusal;
                }
                program.unless_registered = refusal;
                return program;
            }
            const Status status = check_elf(source, current, *head, program);
            return status ? Result<Program>(std::move(program)) : status.error();
        }
        const Result<std::string> interpreter = find_interpreter(source, current, *head);
        if (!interpreter) {
            return interpreter.error();
        }
        current = *interpreter;
        program.needs.push_back(current);
    }
    return cannot_execute(concat({file, " is a script whose interpreters are scripts"}), ELOOP);
}

}  // namespace cginit
