#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#include <rulebus/rulebus.hpp>

int main() {
#line 92 "README.md"
rulebus::matcher matcher;
const rulebus::rule_id jpegs = matcher.add(R"({"detail": {"key": [{"suffix": ".jpg"}]}})").value();

rulebus::matcher::reader reader(matcher);  // one per thread
for (rulebus::rule_id id : reader.match(R"({"detail": {"key": "beach.jpg"}})").value()) {
  std::cout << (id == jpegs ? "a photo\n" : "something else\n");
}
matcher.remove(jpegs).value();             // exactly that rule; readers see it with their next event
}
