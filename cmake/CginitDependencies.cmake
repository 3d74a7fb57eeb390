# Everything that comes from elsewhere, as targets cginit_dep_*: cli, log, cap and mount. What is missing is collected
# and named at the end, all of it at once, with the Debian package that has it.

set(cginit_missing "")
include(CginitStaticLibrary)

# cginit_find_header(<variable> <header> <package>): the folder of a header-only library.
function(cginit_find_header variable header package)
    find_path(${variable} "${header}")
    mark_as_advanced(${variable})
    if(NOT ${variable})
        set(cginit_missing "${cginit_missing};${header} (package ${package})" PARENT_SCOPE)
    endif()
endfunction()

# cginit_interface(<name> <include folder>): an interface target for it. SYSTEM: their warnings are not ours.
function(cginit_interface name include_dir)
    add_library(${name} INTERFACE)
    if(include_dir AND NOT include_dir IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
        target_include_directories(${name} SYSTEM INTERFACE "${include_dir}")
    endif()
endfunction()

cginit_find_header(CGINIT_CLI11_INCLUDE_DIR CLI/CLI.hpp libcli11-dev)
cginit_interface(cginit_dep_cli "${CGINIT_CLI11_INCLUDE_DIR}")

# Without streams: each has a static constructor that costs microseconds.
cginit_find_header(CGINIT_JSON_INCLUDE_DIR nlohmann/json.hpp nlohmann-json3-dev)
cginit_interface(cginit_dep_json "${CGINIT_JSON_INCLUDE_DIR}")
target_compile_definitions(cginit_dep_json INTERFACE JSON_NO_IO JSON_USE_IMPLICIT_CONVERSIONS=0)

# Debian's own header-only target links libfmt.so; a static binary needs both as headers.
cginit_find_header(CGINIT_SPDLOG_INCLUDE_DIR spdlog/spdlog.h libspdlog-dev)
cginit_find_header(CGINIT_FMT_INCLUDE_DIR fmt/format.h libfmt-dev)
cginit_interface(cginit_dep_log "${CGINIT_SPDLOG_INCLUDE_DIR}")
if(CGINIT_FMT_INCLUDE_DIR AND NOT CGINIT_FMT_INCLUDE_DIR IN_LIST CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES)
    target_include_directories(cginit_dep_log SYSTEM INTERFACE "${CGINIT_FMT_INCLUDE_DIR}")
endif()
# No threads in PID 1: loggers need no locks, no thread ids.
target_compile_definitions(cginit_dep_log INTERFACE
    SPDLOG_HEADER_ONLY SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY SPDLOG_NO_THREAD_ID SPDLOG_NO_ATOMIC_LEVELS SPDLOG_NO_TLS)

# libcap: the names of capabilities, and their sets.
if(CGINIT_STATIC AND CMAKE_CROSSCOMPILING)
    # Debian has it for the machine's own architecture.
    cginit_build_static_library(cap sys/capability.h)
    set(CGINIT_LIBCAP "${CGINIT_LIBCAP_DIR}/lib/libcap.a")
    cginit_interface(cginit_dep_cap "${CGINIT_LIBCAP_DIR}/include")
    add_dependencies(cginit_dep_cap cginit_libcap_build)
else()
    cginit_find_header(CGINIT_LIBCAP_INCLUDE_DIR sys/capability.h libcap-dev)
    cginit_interface(cginit_dep_cap "${CGINIT_LIBCAP_INCLUDE_DIR}")
    if(CGINIT_STATIC)
        set(cginit_libcap_name libcap.a)
    else()
        set(cginit_libcap_name cap)
    endif()
    find_library(CGINIT_LIBCAP "${cginit_libcap_name}")
    mark_as_advanced(CGINIT_LIBCAP)
    if(NOT CGINIT_LIBCAP AND CGINIT_LIBCAP_INCLUDE_DIR)
        list(APPEND cginit_missing "${cginit_libcap_name} (package libcap-dev)")
    endif()
endif()
if(CGINIT_LIBCAP)
    target_link_libraries(cginit_dep_cap INTERFACE "${CGINIT_LIBCAP}")
endif()

if(CGINIT_BUILD_TESTS)
    find_package(GTest QUIET)
    if(NOT TARGET GTest::gtest)
        list(APPEND cginit_missing "GoogleTest (package libgtest-dev, or -DCGINIT_BUILD_TESTS=OFF)")
    endif()
    if(NOT TARGET GTest::gmock)
        list(APPEND cginit_missing "GoogleMock (package libgmock-dev, or -DCGINIT_BUILD_TESTS=OFF)")
    endif()
endif()

include(CginitLibmount)

if(cginit_missing)
    list(REMOVE_ITEM cginit_missing "")
    list(JOIN cginit_missing "\n    " cginit_missing_text)
    message(FATAL_ERROR "Not found:\n    ${cginit_missing_text}\nInstall the packages named and configure again.")
endif()
