# cginit_build_static_library(<name> <header>... [SOURCE <path>]): lib<name>.a by libraries/build.sh, with a target
# cginit_lib<name>_build that makes it, in the folder that CGINIT_LIB<NAME>_DIR then names. What that needs and is not there is
# added to cginit_missing.
function(cginit_build_static_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SOURCE" "")
    set(script "${PROJECT_SOURCE_DIR}/cmake/libraries/build.sh")
    set(folder "${PROJECT_BINARY_DIR}/lib${name}")
    set(options --library ${name} --cc "${CMAKE_C_COMPILER}")
    set(depends "${script}")
    if(CMAKE_CROSSCOMPILING)
        execute_process(COMMAND "${CMAKE_C_COMPILER}" -dumpmachine
            OUTPUT_VARIABLE host OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
        list(APPEND options --host "${host}")
    endif()
    if(arg_SOURCE)
        list(APPEND options --source "${arg_SOURCE}")
        list(APPEND depends "${arg_SOURCE}")
    endif()

    execute_process(COMMAND "${script}" check ${options}
        RESULT_VARIABLE check OUTPUT_VARIABLE missing OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT check EQUAL 0)
        if(NOT missing)
            message(FATAL_ERROR "${script} check failed (see above)")
        endif()
        string(REGEX REPLACE "\\(([^)]+)\\)" "to build lib${name} (package \\1)" missing "${missing}")
        string(REPLACE "\n" ";" missing "${missing}")
        set(cginit_missing "${cginit_missing};${missing}" PARENT_SCOPE)
    endif()

    list(TRANSFORM arg_UNPARSED_ARGUMENTS PREPEND "${folder}/include/" OUTPUT_VARIABLE headers)
    # On the terminal: the first build takes a minute, and what it does should be seen while it does it.
    add_custom_command(
        OUTPUT "${folder}/lib/lib${name}.a"
        BYPRODUCTS ${headers}
        COMMAND "${script}" build --out "${folder}" ${options}
        DEPENDS ${depends}
        COMMENT "lib${name}"
        USES_TERMINAL VERBATIM)
    add_custom_target(cginit_lib${name}_build DEPENDS "${folder}/lib/lib${name}.a")
    file(MAKE_DIRECTORY "${folder}/include")
    string(TOUPPER ${name} upper)
    set(CGINIT_LIB${upper}_DIR "${folder}" PARENT_SCOPE)
endfunction()
