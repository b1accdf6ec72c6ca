# The consumer tests. They need install rules, Ninja, and bash; see run.sh. That add_subdirectory
# works is seen by the test of README.md's own block, and here with shared libraries.
if(NOT RULEBUS_INSTALL OR rulebus_fetched)
  message(STATUS "No consumer tests: there are no install rules")
  return()
endif()
find_program(RULEBUS_PKG_CONFIG pkg-config)
foreach(kind IN ITEMS install find_package pkg_config unity shared)
  if(NOT RULEBUS_PKG_CONFIG AND kind MATCHES "pkg_config|shared")
    message(STATUS "No consumer test ${kind}: there is no pkg-config")
    continue()
  endif()
  add_test(NAME consumer.${kind} COMMAND bash "${CMAKE_CURRENT_LIST_DIR}/run.sh" ${kind})
  set_tests_properties(
    consumer.${kind} PROPERTIES LABELS consumer TIMEOUT 900 COST 100
    ENVIRONMENT
    "CMAKE=${CMAKE_COMMAND};CXX=${CMAKE_CXX_COMPILER};RULEBUS=${PROJECT_SOURCE_DIR};RULEBUS_BUILD=${PROJECT_BINARY_DIR};WORK=${CMAKE_CURRENT_BINARY_DIR}/consumers")
endforeach()
set_tests_properties(consumer.install PROPERTIES FIXTURES_SETUP installed)
set_tests_properties(consumer.find_package PROPERTIES FIXTURES_REQUIRED installed)
if(RULEBUS_PKG_CONFIG)
  set_tests_properties(consumer.pkg_config PROPERTIES FIXTURES_REQUIRED installed)
endif()
