# README.md:49
find_package(rulebus 0.1 REQUIRED)
target_link_libraries(app PRIVATE rulebus::rulebus)   # or rulebus::core: patterns, matcher, explain; no bus
