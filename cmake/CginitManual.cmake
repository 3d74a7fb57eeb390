# The manual page, by scdoc, which is only looked for: a build without it has no manual page.

find_program(CGINIT_SCDOC NAMES scdoc)
mark_as_advanced(CGINIT_SCDOC)

if(CGINIT_SCDOC)
    set(cginit_page "${PROJECT_BINARY_DIR}/cginit.8")
    set(cginit_page_source "${PROJECT_SOURCE_DIR}/docs/cginit.8.scd")
    add_custom_command(OUTPUT "${cginit_page}"
        COMMAND "${CGINIT_SCDOC}" < "${cginit_page_source}" > "${cginit_page}"
        DEPENDS "${cginit_page_source}" COMMENT "Making cginit.8" VERBATIM)
    add_custom_target(manual ALL DEPENDS "${cginit_page}")
    install(FILES "${cginit_page}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man8")
    message(STATUS "Manual page: by ${CGINIT_SCDOC}")
else()
    message(STATUS "Manual page: not made, scdoc is missing (package scdoc)")
endif()
