#pragma once

#include <elf.h>

#include <cstring>
#include <string>

namespace cginit {

#if defined(__x86_64__)
inline constexpr Elf64_Half kOwnMachine = EM_X86_64;
inline constexpr Elf64_Half kForeignMachine = EM_AARCH64;
#else
inline constexpr Elf64_Half kOwnMachine = EM_AARCH64;
inline constexpr Elf64_Half kForeignMachine = EM_X86_64;
#endif

/// The head of an ELF file; with a program loader if one is named.
inline std::string elf_image(Elf64_Half machine = kOwnMachine, const std::string& loader = {}) {
    Elf64_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = machine;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = loader.empty() ? 0 : 1;
    Elf64_Phdr segment = {};
    segment.p_type = PT_INTERP;
    segment.p_offset = sizeof header + sizeof segment;
    segment.p_filesz = loader.size() + 1;
    std::string image(sizeof header + sizeof segment, '\0');
    std::memcpy(image.data(), &header, sizeof header);
    std::memcpy(image.data() + sizeof header, &segment, sizeof segment);
    return image + loader + '\0';
}

/// The head of a 32-bit x86 ELF file.
inline std::string elf32_image() {
    Elf32_Ehdr header = {};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS32;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_386;
    std::string image(sizeof header, '\0');
    std::memcpy(image.data(), &header, sizeof header);
    return image;
}

}  // namespace cginit
