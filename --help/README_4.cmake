# README.md:56
add_subdirectory(third_party/rulebus)
target_link_libraries(app PRIVATE rulebus::rulebus)
