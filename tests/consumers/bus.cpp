// What a user of the whole library writes first. Exits with 0 when the one matching event, and no other, was delivered.
#include <cstddef>
#include <string>

#include <rulebus/rulebus.hpp>

int main() {
  rulebus::bus bus("orders");
  std::string seen;
  bus.put_rule({.name = "big", .event_pattern = R"({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})"})
      .value();
  bus.put_target("big", {.id = "keep",
                         .target = rulebus::make_target([&seen](const rulebus::delivery& d) { seen += d.event().source(); })})
      .value();
  bus.put_event({.source = "shop", .detail_type = "OrderPlaced", .detail = R"({"total": 99})"}).value();
  bus.put_event({.source = "shop", .detail_type = "OrderPlaced", .detail = R"({"total": 250})"}).value();
  bus.flush().value();
  return seen == "shop" ? 0 : 1;
}
