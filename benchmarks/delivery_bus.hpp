// delivery_bus: what the benchmarks of delivery share: events that all match, the rule that they match, and counting targets.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "rulebus/bus.hpp"

namespace rulebus::bench {

constexpr const char* order_pattern = R"({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})";

/// An order of 287 to 293 bytes, as the service's envelope; the pattern above matches it.
inline std::string order(std::size_t i) {
  return fmt::format(R"({{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-{:012}","detail-type":"OrderPlaced","source":"shop",)"
                     R"("account":"123456789012","time":"2026-11-23T08:00:00Z","region":"eu-west-1","resources":[],"detail":{{)"
                     R"("order":"o-{}","total":{}.50,"customer":{{"name":"Ada Lovelace","email":"ada@example.com"}}}}}})",
                     i, i, 101 + i % 800);
}

inline std::vector<std::string> orders(std::size_t count) {
  std::vector<std::string> out;
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) out.push_back(order(i));
  return out;
}

/// A bus with one rule, which every order matches.
inline std::unique_ptr<bus> bus_with_rule(bus_options options, std::string name = "bench") {
  auto made = std::make_unique<bus>(std::move(name), std::move(options));
  made->put_rule({.name = "orders", .event_pattern = order_pattern}).value();
  return made;
}

/// The inline callback: it looks at nothing. Its count is not atomic where one thread delivers.
inline std::shared_ptr<target> counting(std::size_t& count) {
  return make_target([&count](const delivery&) { ++count; });
}
inline std::shared_ptr<target> counting(std::atomic<std::size_t>& count) {
  return make_target([&count](const delivery&) { count.fetch_add(1, std::memory_order_relaxed); });
}

inline bool selected(const char* workload, const std::string& only) {
  return std::regex_search(std::string(workload), std::regex(only));
}

}  // namespace rulebus::bench
