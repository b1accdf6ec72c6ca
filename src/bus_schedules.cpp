// bus, continued: rules whose time has come. Who says so is detail/rule_timers.hpp.
#include <utility>

#include "rulebus/bus.hpp"
#include "rulebus/detail/bus_impl.hpp"
#include "rulebus/detail/envelope.hpp"

namespace rulebus::inline v1 {

/// Makes the event, for the targets of this rule alone, unless the rule was changed or disabled meanwhile.
void bus::impl::fire(std::uint64_t number, const std::string& rule_name, time_point instant) {
  if (deliveries_->refusing()) return;
  const result<detail::rule_entry_ptr> found = find_rule(rule_name);
  if (!found || !(*found)->follows || (*found)->follows->number() != number) return;
  const detail::rule_entry& r = **found;
  const std::string id = detail::make_uuid(), arn = deliveries_->rule_arn(rule_name);
  const event e = event::checked(detail::make_scheduled_event({.id = id,
                                                               .source = "aws.events",
                                                               .account = options.account,
                                                               .region = options.region,
                                                               .resource = arn,
                                                               .detail = "{}",
                                                               .time = instant}));
  const std::uint64_t sequence = counted_.events.fetch_add(1, std::memory_order_relaxed);
  r.matched->fetch_add(1, std::memory_order_relaxed);
  if (options.observer) {
    deliveries_->observe({.type = log_type::event_receipt, .event_id = id});
    deliveries_->observe({.type = log_type::rule_match, .event_id = id, .rule_name = rule_name});
  }
  if (r.fan) r.fan->distribute();
  for (const detail::target_entry& t : r.targets) {
    arrival when{sequence, deliveries_->elapsed(), true};
    detail::dispatcher::begun one(*deliveries_, 1);
    offer(e, r, t, nullptr, when, one, put_by::schedule);
  }
}

}  // namespace rulebus::inline v1
