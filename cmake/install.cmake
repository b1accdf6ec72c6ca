# Installs the libraries, their headers, the command line tool, a CMake package and pkg-config files.
include(CMakePackageConfigHelpers)
set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/rulebus")

install(TARGETS rulebus_core rulebus EXPORT rulebusTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/rulebus" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" FILES_MATCHING PATTERN "*.hpp")
if(TARGET rulebus_cli)
  install(TARGETS rulebus_cli)
endif()

# ---- CMake: find_package(rulebus)

install(EXPORT rulebusTargets NAMESPACE rulebus:: DESTINATION "${config_dir}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/rulebusConfig.cmake.in" "${PROJECT_BINARY_DIR}/rulebusConfig.cmake"
                              INSTALL_DESTINATION "${config_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/rulebusConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/rulebusConfig.cmake" "${PROJECT_BINARY_DIR}/rulebusConfigVersion.cmake"
              "${CMAKE_CURRENT_LIST_DIR}/re2.cmake"
        DESTINATION "${config_dir}")

# ---- pkg-config: rulebus, and rulebus-core for the matcher alone
# A static library hands its own dependencies on to whoever links it, so they are public then.

if(BUILD_SHARED_LIBS)
  set(pc_field Requires.private)
  set(pc_cflags " -DRULEBUS_SHARED")
else()
  set(pc_field Requires)
  set(pc_cflags "")
endif()
file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
foreach(name IN ITEMS rulebus rulebus-core)
  configure_file("${CMAKE_CURRENT_LIST_DIR}/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endforeach()
