# What --version says: the release, the commit, the architecture and the libmount that a static binary has in it.

configure_file("${CMAKE_CURRENT_LIST_DIR}/version.hpp.in" "${PROJECT_BINARY_DIR}/generated/include/cginit/version.hpp" @ONLY)

# Exchanged by git archive; a checkout knows better.
file(READ "${CMAKE_CURRENT_LIST_DIR}/commit.txt" cginit_commit)
string(STRIP "${cginit_commit}" cginit_commit)
if(cginit_commit MATCHES "^.Format:")
    set(cginit_commit "unknown commit")
    find_package(Git QUIET)
    if(Git_FOUND AND EXISTS "${PROJECT_SOURCE_DIR}/.git")
        execute_process(COMMAND "${GIT_EXECUTABLE}" describe --always --dirty --abbrev=12 --exclude=*
            WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
        if(described)
            set(cginit_commit "commit ${described}")
        endif()
        # Whatever moves HEAD writes there.
        if(EXISTS "${PROJECT_SOURCE_DIR}/.git/logs/HEAD")
            set_property(DIRECTORY "${PROJECT_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/.git/logs/HEAD")
        endif()
    endif()
else()
    string(PREPEND cginit_commit "commit ")
endif()

if(cginit_libmount STREQUAL "static")
    set(cginit_libmount_version "2.38.1")
else()
    file(STRINGS "${CGINIT_LIBMOUNT_INCLUDE_DIR}/libmount.h" cginit_libmount_version REGEX "define LIBMOUNT_VERSION ")
    string(REGEX REPLACE ".*\"([^\"]+)\".*" "\\1" cginit_libmount_version "${cginit_libmount_version}")
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/build.hpp.in" "${PROJECT_BINARY_DIR}/generated/include/cginit/build.hpp" @ONLY)
