# Defines re2::re2 where RE2 is installed. Newer releases come with a CMake package; Debian 12 has no more than the library
# and re2.pc. Also installed beside rulebusConfig.cmake: whoever links a static Rulebus needs the same target.
find_package(re2 CONFIG QUIET)
if(NOT TARGET re2::re2)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(rulebus_pc_re2 QUIET re2)
  endif()
  find_path(rulebus_re2_include re2/re2.h HINTS ${rulebus_pc_re2_INCLUDE_DIRS})
  find_library(rulebus_re2_library re2 HINTS ${rulebus_pc_re2_LIBRARY_DIRS})
  mark_as_advanced(rulebus_re2_include rulebus_re2_library)
  if(rulebus_re2_include AND rulebus_re2_library)
    find_package(Threads REQUIRED)
    add_library(re2::re2 UNKNOWN IMPORTED)
    set_target_properties(re2::re2 PROPERTIES IMPORTED_LOCATION "${rulebus_re2_library}"
                                              INTERFACE_INCLUDE_DIRECTORIES "${rulebus_re2_include}"
                                              INTERFACE_LINK_LIBRARIES Threads::Threads)
  endif()
endif()
