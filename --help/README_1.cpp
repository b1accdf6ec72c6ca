#line 13 "README.md"
#include <iostream>
#include <rulebus/rulebus.hpp>

int main() {
  rulebus::bus bus("orders");
  bus.put_rule({.name = "big", .event_pattern = R"({"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}})"}).value();
  auto print = rulebus::make_target([](const rulebus::delivery& d) {
    std::cout << d.rule_name() << ": " << d.event().detail() << '\n';
  });
  bus.put_target("big", {.id = "print", .target = print}).value();
  bus.put_event({.source = "shop", .detail_type = "OrderPlaced", .detail = R"({"total": 250})"}).value();
  bus.put_event({.source = "shop", .detail_type = "OrderPlaced", .detail = R"({"total": 25})"}).value();
  bus.flush().value();
}
