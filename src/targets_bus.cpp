#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "rulebus/targets/bus.hpp"

namespace rulebus::inline v1 {

namespace detail::targets_bus_source {

/// The event as the other bus is to see it.
result<event> arriving(const delivery& d) {
  if (d.input().data() == d.event().json().data()) return d.event();
  result<event> made = event::parse(std::string(d.input()));
  if (made) return made;
  error e = std::move(made).error();
  e.message = "what the rule makes of the event cannot be put into a bus: " + e.message;
  return e;
}

}  // namespace detail::targets_bus_source

bus_target::bus_target(const std::shared_ptr<bus>& to, bus_target_options options)
    : to_(to), arn_(to->arn()), options_(options) {}

void bus_target::deliver(delivery d) {
  using namespace detail::targets_bus_source;
  const delivery_details from = d.details();
  std::vector<std::string> way(from.via.begin(), from.via.end());
  if (!from.bus_arn.empty()) way.emplace_back(from.bus_arn);
  if (std::find(way.begin(), way.end(), arn_) != way.end()) {
    return d.fail({errc::limit_exceeded, fmt::format("the event would go round: {} -> {}", fmt::join(way, " -> "), arn_)});
  }
  if (way.size() > options_.max_hops) {
    return d.fail({errc::limit_exceeded, fmt::format("the event came over {} buses, and would go on to {}; max_hops is {}: {}",
                                                     way.size(), arn_, options_.max_hops, fmt::join(way, " -> "))});
  }
  const std::shared_ptr<bus> to = to_.lock();
  if (!to) return d.fail({errc::stopped, fmt::format("the bus {} is gone", arn_)});
  const result<event> e = arriving(d);
  if (!e) return d.fail(e.error());
  const event_context context{from.ordering_key, from.trace_header, from.traceparent, way};
  if (result<void> put = to->forward(*e, context); !put) {
    error why = std::move(put).error();
    why.message = fmt::format("the bus {} did not take the event: {}", arn_, why.message);
    return d.fail(std::move(why));
  }
  d.succeed();
}

}  // namespace rulebus::inline v1
