# What --version says: the release, the commit, the architecture and the libmount that a static binary has in it.

configure_file("${CMAKE_CURRENT_LIST_DIR}/version.hpp.in" "${PROJECT_BINARY_DIR}/generated/include/cginit/version.hpp" @ONLY)

# Exchanged by git archive; a checkout knows better. Twelve digits, whatever git would take for short in this clone.
file(READ "${CMAKE_CURRENT_LIST_DIR}/commit.txt" cginit_commit)
if(cginit_commit MATCHES "^.Format:")
    set(cginit_commit "")
    find_package(Git QUIET)
    if(Git_FOUND AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
        execute_process(COMMAND "${GIT_EXECUTABLE}" rev-parse HEAD
            WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE cginit_commit ERROR_QUIET)
        # Whatever moves HEAD writes there; a worktree has it elsewhere.
        execute_process(COMMAND "${GIT_EXECUTABLE}" rev-parse --git-path logs/HEAD
            WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE cginit_moves OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        get_filename_component(cginit_moves "${cginit_moves}" ABSOLUTE BASE_DIR "${PROJECT_SOURCE_DIR}")
        if(EXISTS "${cginit_moves}" AND NOT IS_DIRECTORY "${cginit_moves}")
            set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${cginit_moves}")
        endif()
    endif()
endif()
string(STRIP "${cginit_commit}" cginit_commit)
if(cginit_commit MATCHES "^[0-9a-f]+$")
    string(SUBSTRING "${cginit_commit}" 0 12 cginit_commit)
    string(PREPEND cginit_commit "commit ")
else()
    set(cginit_commit "unknown commit")
endif()

if(cginit_libmount STREQUAL "static")
    set(cginit_libmount_version "2.38.1")
else()
    file(STRINGS "${CGINIT_LIBMOUNT_INCLUDE_DIR}/libmount.h" cginit_libmount_version REGEX "define LIBMOUNT_VERSION ")
    string(REGEX REPLACE ".*\"([^\"]+)\".*" "\\1" cginit_libmount_version "${cginit_libmount_version}")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/build.hpp.in" "${PROJECT_BINARY_DIR}/generated/include/cginit/build.hpp" @ONLY)
