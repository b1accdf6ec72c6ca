// bus_target: from one bus to another: what matches a rule here is an event there.
//
//   auto audit = std::make_shared<rulebus::bus>("audit");
//   orders.put_target("big", {.id = "audit", .target = std::make_shared<rulebus::bus_target>(audit)}).value();
//
// The event keeps its text and so its id, and takes its ordering key, trace header and traceparent along. Where the rule makes an
// input of its own, that is what arrives, and it must be a JSON object. The delivery succeeds when the other bus has accepted
// the event; what becomes of it there is the other bus's business.
//
// Loops: with each event travel the ARNs of the buses that it came through (delivery_details::via). An event that would come to
// a bus for the second time, or over more than max_hops bus targets, fails for good, with the way it took in the error:
//   the event would go round: …:event-bus/a -> …:event-bus/b -> …:event-bus/a
// So buses that events go between need ARNs that differ. What a callback puts into a bus by itself is a new event.
//
// Thread safety: all of it. Lifetime: holds the other bus weakly. When it is gone, or was stopped, deliveries fail for good.
// Cost: that of putting the event there; with dispatch::caller on both sides, in the thread that put it here.
#pragma once

#include <memory>
#include <string>

#include "rulebus/bus.hpp"
#include "rulebus/export.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

struct bus_target_options {
  std::size_t max_hops = 16;  ///< bus targets that an event may pass, this one included
};

class bus_target final : public target {
 public:
  /// `to` must not be null.
  RULEBUS_API explicit bus_target(const std::shared_ptr<bus>& to, bus_target_options options = {});

  RULEBUS_API void deliver(delivery d) override;

  const std::string& arn() const noexcept { return arn_; }  ///< of the other bus

 private:
  const std::weak_ptr<bus> to_;
  const std::string arn_;
  const bus_target_options options_;
};

}  // namespace rulebus::inline v1
