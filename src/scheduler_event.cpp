// scheduler, continued: the events and names that it makes.
#include <chrono>

#include "rulebus/detail/envelope.hpp"
#include "rulebus/detail/hash.hpp"
#include "rulebus/detail/scheduler_impl.hpp"

namespace rulebus::inline v1 {

std::string scheduled_event_json(const scheduled_event& e) {
  const std::string fresh = e.id.empty() ? detail::make_uuid() : std::string();
  return detail::make_scheduled_event({.id = e.id.empty() ? std::string_view(fresh) : e.id,
                                       .source = "aws.events",
                                       .account = e.account,
                                       .region = e.region,
                                       .resource = e.rule_arn,
                                       .detail = "{}",
                                       .time = e.time});
}

/// As EventBridge Scheduler makes it for targets without an input: here detail is a string.
std::string scheduler::impl::make_event(const detail::schedule_entry&, std::string_view arn, std::string_view id,
                                        std::int64_t time) const {
  return detail::make_scheduled_event({.id = id,
                                       .source = "aws.scheduler",
                                       .account = options_.account,
                                       .region = options_.region,
                                       .resource = arn,
                                       .detail = R"("{}")",
                                       .time = time_point(std::chrono::milliseconds(time))});
}

/// A UUID (RFC 9562, version 8: of our own making) that follows from the seed, the schedule and the fire.
std::string scheduler::impl::execution_id(const detail::schedule_entry& e, detail::planned_fire what) const {
  static constexpr char digits[] = "0123456789abcdef";
  const std::uint64_t odd = 0xd1b54a32d192ed03u;
  const std::uint64_t schedule = identity(e);
  const std::uint64_t a = detail::fold_multiply(schedule ^ static_cast<std::uint64_t>(what.time), odd);
  const std::uint64_t b = detail::fold_multiply(a ^ (what.serial + 1), 0x9e3779b97f4a7c15u) ^ schedule;
  std::string out(36, '-');
  std::size_t at = 0;
  for (int nibble = 0; nibble < 32; ++nibble) {
    const std::uint64_t word = nibble < 16 ? a : b;
    std::uint64_t value = word >> (60 - 4 * (nibble % 16)) & 15;
    if (nibble == 12) value = 8;
    if (nibble == 16) value = (value & 3) | 8;
    if (at == 8 || at == 13 || at == 18 || at == 23) ++at;
    out[at++] = digits[value];
  }
  return out;
}

std::string scheduler::impl::arn(std::string_view name, std::string_view group) const {
  std::string out = "arn:aws:scheduler:";
  out.reserve(out.size() + options_.region.size() + options_.account.size() + group.size() + name.size() + 16);
  out.append(options_.region).append(":").append(options_.account).append(":schedule/").append(group).append("/").append(name);
  return out;
}

std::string scheduler::impl::group_arn(std::string_view group) const {
  return "arn:aws:scheduler:" + options_.region + ":" + options_.account + ":schedule-group/" + std::string(group);
}

}  // namespace rulebus::inline v1
