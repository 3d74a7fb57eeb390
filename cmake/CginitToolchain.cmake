# Language, flags and warnings. Targets of this project link cginit_flags; what comes from elsewhere does not.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE MinSizeRel CACHE STRING "Build type" FORCE)
endif()
# -Og: what a debugger shows is what was written, and -Wmaybe-uninitialized and its kin still see the flow.
set(CMAKE_CXX_FLAGS_DEBUG "-Og -g")
set(CMAKE_CXX_FLAGS_MINSIZEREL "-Oz -DNDEBUG")

add_library(cginit_flags INTERFACE)
target_compile_options(cginit_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
    -Wold-style-cast -Wcast-qual -Wcast-align -Wformat=2 -Wimplicit-fallthrough -Wundef -Wunused
    -Wextra-semi -Wredundant-decls -Wmissing-declarations
    $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wsuggest-override>
    $<$<CXX_COMPILER_ID:Clang>:-Wsuggest-override -Wunreachable-code>
    $<$<BOOL:${CGINIT_WERROR}>:-Werror>
    # No build machine's paths in the binary.
    -ffile-prefix-map=${PROJECT_SOURCE_DIR}/= -ffile-prefix-map=${PROJECT_BINARY_DIR}/=)

if(CMAKE_SIZEOF_VOID_P EQUAL 4)
    # Files beyond 2 GiB, and inode numbers and times that need 64 bits.
    target_compile_definitions(cginit_flags INTERFACE _FILE_OFFSET_BITS=64 _TIME_BITS=64)
endif()

if(CGINIT_STATIC)
    # GCC and clang make PIEs by default here, and CMake's own property only ever adds -fPIE.
    # One section per function and object, so that the linker can leave out what nothing reaches.
    target_compile_options(cginit_flags INTERFACE -fno-pie -fno-pic -ffunction-sections -fdata-sections)
    # Whatever nothing calls across files goes, too. Fat objects, so that any compiler can link the relink kit.
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
        target_compile_options(cginit_flags INTERFACE -ffat-lto-objects)
        # Names of sections in the objects are made of it: the same objects each time, for the relink kit.
        string(APPEND CMAKE_CXX_COMPILE_OBJECT " -frandom-seed=<OBJECT>")
    endif()
    # clang finds -no-pie superfluous next to -static, and says so; tests are linked without -static.
    target_link_options(cginit_flags INTERFACE -no-pie -Wl,--gc-sections
        $<$<CXX_COMPILER_ID:Clang>:-Wno-unused-command-line-argument>)
endif()

if(CGINIT_SANITIZE)
    if(CGINIT_STATIC)
        message(FATAL_ERROR "CGINIT_SANITIZE needs CGINIT_STATIC=OFF: the sanitizers' run time is not for static binaries.")
    endif()
    # It is the program that is looked at for undefined behaviour: for the tests' own code that would take half of the
    # compiler's time.
    string(REPLACE "," "$<COMMA>" all_sanitizers "${CGINIT_SANITIZE}")
    target_compile_options(cginit_flags INTERFACE
        -fsanitize=$<IF:$<BOOL:$<TARGET_PROPERTY:CGINIT_IS_TEST>>,address,${all_sanitizers}>
        -fno-sanitize-recover=all -fno-omit-frame-pointer
        # Lines are enough for a report. The fuzzers are clang's, and want a program that is fast.
        $<IF:$<AND:$<CXX_COMPILER_ID:Clang>,$<NOT:$<BOOL:$<TARGET_PROPERTY:CGINIT_IS_TEST>>>>,-O1,-O0>
        $<IF:$<CXX_COMPILER_ID:Clang>,-gline-tables-only,-g1>)
    target_link_options(cginit_flags INTERFACE -fsanitize=${CGINIT_SANITIZE})
endif()

if(CGINIT_FUZZ)
    if(NOT CMAKE_CXX_COMPILER_ID STREQUAL Clang)
        message(FATAL_ERROR "CGINIT_FUZZ needs clang, whose libFuzzer it is.")
    endif()
    # Counts what is reached, everywhere; only the fuzzers themselves get libFuzzer's main().
    target_compile_options(cginit_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
