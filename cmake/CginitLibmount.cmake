# cginit_dep_mount: libmount, either built here from util-linux 2.38.1 (static) or the system's (shared).

if(NOT CGINIT_LIBMOUNT)
    if(CGINIT_STATIC)
        set(cginit_libmount static)
    else()
        set(cginit_libmount shared)
    endif()
else()
    set(cginit_libmount "${CGINIT_LIBMOUNT}")
endif()

add_library(cginit_dep_mount INTERFACE)

if(cginit_libmount STREQUAL "static")
    set(libmount_script "${CMAKE_CURRENT_LIST_DIR}/libmount/build.sh")
    set(libmount_dir "${PROJECT_BINARY_DIR}/libmount")
    set(libmount_args --cc "${CMAKE_C_COMPILER}")
    set(libmount_depends "${libmount_script}")
    if(CMAKE_CROSSCOMPILING)
        execute_process(COMMAND "${CMAKE_C_COMPILER}" -dumpmachine
            OUTPUT_VARIABLE libmount_host OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
        list(APPEND libmount_args --host "${libmount_host}")
    endif()
    if(CGINIT_UTIL_LINUX_SOURCE)
        list(APPEND libmount_args --source "${CGINIT_UTIL_LINUX_SOURCE}")
        list(APPEND libmount_depends "${CGINIT_UTIL_LINUX_SOURCE}")
    endif()

    execute_process(COMMAND "${libmount_script}" check ${libmount_args}
        RESULT_VARIABLE libmount_check OUTPUT_VARIABLE libmount_missing OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT libmount_check EQUAL 0)
        if(NOT libmount_missing)
            message(FATAL_ERROR "cmake/libmount/build.sh check failed (see above)")
        endif()
        string(REGEX REPLACE "\\(([^)]+)\\)" "to build libmount (package \\1)" libmount_missing "${libmount_missing}")
        string(REPLACE "\n" ";" libmount_missing "${libmount_missing}")
        list(APPEND cginit_missing ${libmount_missing})
    endif()

    # On the terminal: the first build takes a minute, and what it does should be seen while it does it.
    add_custom_command(
        OUTPUT "${libmount_dir}/lib/libmount.a"
        BYPRODUCTS "${libmount_dir}/include/libmount.h" "${libmount_dir}/include/blkid.h"
        COMMAND "${libmount_script}" build --out "${libmount_dir}" ${libmount_args}
        DEPENDS ${libmount_depends}
        COMMENT "libmount of util-linux 2.38.1"
        USES_TERMINAL VERBATIM)
    add_custom_target(cginit_libmount_build DEPENDS "${libmount_dir}/lib/libmount.a")
    file(MAKE_DIRECTORY "${libmount_dir}/include")
    add_dependencies(cginit_dep_mount cginit_libmount_build)
    target_include_directories(cginit_dep_mount SYSTEM INTERFACE "${libmount_dir}/include")
    target_link_libraries(cginit_dep_mount INTERFACE "${libmount_dir}/lib/libmount.a")
    set(CGINIT_LIBMOUNT_DIR "${libmount_dir}")
elseif(cginit_libmount STREQUAL "shared")
    if(CGINIT_STATIC)
        message(FATAL_ERROR "CGINIT_LIBMOUNT=shared contradicts CGINIT_STATIC=ON.")
    endif()
    find_path(CGINIT_LIBMOUNT_INCLUDE_DIR libmount.h PATH_SUFFIXES libmount)
    find_library(CGINIT_LIBMOUNT_LIBRARY mount)
    mark_as_advanced(CGINIT_LIBMOUNT_INCLUDE_DIR CGINIT_LIBMOUNT_LIBRARY)
    if(CGINIT_LIBMOUNT_INCLUDE_DIR AND CGINIT_LIBMOUNT_LIBRARY)
        target_include_directories(cginit_dep_mount SYSTEM INTERFACE "${CGINIT_LIBMOUNT_INCLUDE_DIR}")
        target_link_libraries(cginit_dep_mount INTERFACE "${CGINIT_LIBMOUNT_LIBRARY}")
    else()
        list(APPEND cginit_missing "libmount.h (package libmount-dev, or -DCGINIT_LIBMOUNT=static)")
    endif()
else()
    message(FATAL_ERROR "CGINIT_LIBMOUNT is '${CGINIT_LIBMOUNT}': static or shared?")
endif()
