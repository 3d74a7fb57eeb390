# Target relink-kit: what the LGPL asks for. Every object of the static binary, the libraries it was linked with, their
# source, and a script that links them again, in cginit-VERSION-relink-kit.tar.xz in the build folder. Building the
# whole project with another libmount (-DCGINIT_UTIL_LINUX_SOURCE) serves as well; this needs no C++ sources.

if(NOT CGINIT_STATIC)
    return()
endif()

set(relink_objects "")
foreach(target IN ITEMS cginit cginit_compat cginit_app cginit_io cginit_core)
    list(APPEND relink_objects "$<TARGET_OBJECTS:${target}>")
endforeach()
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/relink-objects.txt" CONTENT "$<JOIN:${relink_objects},\n>\n")

set(relink_command "${CMAKE_CURRENT_LIST_DIR}/relink/make-kit.sh"
    --name "cginit-${PROJECT_VERSION}-relink-kit" --objects "${PROJECT_BINARY_DIR}/relink-objects.txt"
    --libmount "${CGINIT_LIBMOUNT_DIR}" --libcap "${CGINIT_LIBCAP}" --cxx "${CMAKE_CXX_COMPILER}" --out "${PROJECT_BINARY_DIR}")
add_custom_target(relink-kit
    COMMAND ${relink_command} --source "${CGINIT_UTIL_LINUX_SOURCE}"
    DEPENDS cginit
    COMMENT "Relink kit"
    USES_TERMINAL VERBATIM)
