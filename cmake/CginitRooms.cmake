# The rooms are the folders of src/; a target is made of whole rooms.

# cginit_room_sources(<variable> <room>...): every source file of these rooms.
function(cginit_room_sources variable)
    set(sources "")
    foreach(room IN LISTS ARGN)
        file(GLOB_RECURSE room_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${room}/*.cpp")
        list(APPEND sources ${room_sources})
    endforeach()
    set(${variable} "${sources}" PARENT_SCOPE)
endfunction()

# cginit_add_room_library(<name> <source>...): one static library with the project's headers and flags.
function(cginit_add_room_library name)
    if(NOT ARGN)  # its rooms are empty so far
        file(TOUCH "${PROJECT_BINARY_DIR}/generated/empty.cpp")
        set(ARGN "${PROJECT_BINARY_DIR}/generated/empty.cpp")
    endif()
    add_library(${name} STATIC ${ARGN})
    target_include_directories(${name}
        PUBLIC "${PROJECT_SOURCE_DIR}/include" "${PROJECT_BINARY_DIR}/generated/include"
        PRIVATE "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(${name} PRIVATE cginit_flags)
endfunction()
