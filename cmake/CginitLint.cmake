# Targets format-check, format, lint and cppcheck. The tools are only looked for: a build needs none of them.

find_program(CGINIT_CLANG_FORMAT NAMES clang-format-14 clang-format)
find_program(CGINIT_RUN_CLANG_TIDY NAMES run-clang-tidy-14 run-clang-tidy)
find_program(CGINIT_CPPCHECK NAMES cppcheck)
mark_as_advanced(CGINIT_CLANG_FORMAT CGINIT_RUN_CLANG_TIDY CGINIT_CPPCHECK)

# cginit_missing_tool(<target> <tool> <package>): a target that says what it would need.
function(cginit_missing_tool target tool package)
    add_custom_target(${target}
        COMMAND ${CMAKE_COMMAND} -E echo "${target} needs ${tool} (package ${package})"
        COMMAND ${CMAKE_COMMAND} -E false VERBATIM)
endfunction()

file(GLOB_RECURSE cginit_formatted CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/src/*.cpp" "${PROJECT_SOURCE_DIR}/src/*.hpp" "${PROJECT_SOURCE_DIR}/include/*.hpp"
    "${PROJECT_SOURCE_DIR}/tests/*.cpp" "${PROJECT_SOURCE_DIR}/tests/*.hpp")

if(CGINIT_CLANG_FORMAT)
    add_custom_target(format-check
        COMMAND "${CGINIT_CLANG_FORMAT}" --dry-run --Werror ${cginit_formatted}
        COMMENT "Is it formatted?" VERBATIM)
    add_custom_target(format
        COMMAND "${CGINIT_CLANG_FORMAT}" -i ${cginit_formatted}
        COMMENT "Formatting" VERBATIM)
else()
    cginit_missing_tool(format-check clang-format clang-format)
    cginit_missing_tool(format clang-format clang-format)
endif()

# Over compile_commands.json, in parallel. It reads GCC's commands too, and must not stumble over GCC's own warnings. A unity
# build is looked at sixteen files at a time, so that their headers are walked once: a tenth of the time.
if(CGINIT_RUN_CLANG_TIDY)
    string(REGEX REPLACE "([][+.*()^$?|\\])" "\\\\\\1" cginit_top "${PROJECT_SOURCE_DIR}")
    string(REGEX REPLACE "([][+.*()^$?|\\])" "\\\\\\1" cginit_built "${PROJECT_BINARY_DIR}")
    add_custom_target(lint
        COMMAND "${CGINIT_RUN_CLANG_TIDY}" -quiet -p "${PROJECT_BINARY_DIR}" -extra-arg=-Wno-unknown-warning-option
            "^(${cginit_top}/src/.*\\.cpp|${cginit_built}/src/.*/Unity/.*\\.cxx)$"
        COMMENT "clang-tidy" USES_TERMINAL VERBATIM)
    if(CGINIT_LIBMOUNT_DIR)
        add_dependencies(lint cginit_libmount_build)
    endif()
else()
    cginit_missing_tool(lint run-clang-tidy clang-tidy)
endif()

# Not what clang-tidy says as well or better: noExplicitConstructor, useStlAlgorithm. Not what version 2.10 gets wrong:
# accessMoved in both branches of `?:` and behind braces, unusedStructMember where structs are returned.
if(CGINIT_CPPCHECK)
    add_custom_target(cppcheck
        COMMAND "${CGINIT_CPPCHECK}" --quiet --std=c++20 --language=c++ --error-exitcode=1 --inline-suppr
            --enable=warning,style,performance,portability --inconclusive
            --suppress=noExplicitConstructor --suppress=useStlAlgorithm --suppress=accessMoved
            --suppress=unusedStructMember
            -I "${PROJECT_SOURCE_DIR}/include" -I "${PROJECT_SOURCE_DIR}/src"
            "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include"
        COMMENT "cppcheck" USES_TERMINAL VERBATIM)
else()
    cginit_missing_tool(cppcheck cppcheck cppcheck)
endif()
