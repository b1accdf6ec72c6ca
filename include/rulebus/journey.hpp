// journey: what happened to one event: received, matched rules, each attempt with its outcome, and how it ended.
//
//   auto journeys = std::make_shared<rulebus::journey_recorder>(100'000);
//   rulebus::bus bus("orders", {.observer = journeys});
//   …
//   for (const auto& step : journeys->journey(event_id)) std::cout << rulebus::to_string(step) << '\n';
//
// Thread safety: all of it; one lock for each step that is recorded.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/clock.hpp"
#include "rulebus/export.hpp"
#include "rulebus/observer.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// One log_record, kept.
struct journey_step {
  log_type type{};
  time_point time{};
  std::string event_id{}, rule_name{}, target_id{};
  unsigned attempt = 0;
  errc code{};            ///< of the reason, where there is one
  std::string message{};  ///< likewise; else empty
};

/// "2026-11-25T08:00:00.123Z INVOCATION_ATTEMPT_START rule big, target print, attempt 1", with the reason at the end.
RULEBUS_API std::string to_string(const journey_step& step);
/// {"time", "type", "event_id", "rule", "target", "attempt", "error", "message"}, without the members that do not apply.
RULEBUS_API std::string to_json(const journey_step& step);

/// Keeps the last steps of a bus, or of several.
class journey_recorder final : public observer {
 public:
  /// Keeps the last `capacity` steps (at least one), some 200 bytes each; hands every record on to `next`, if there is one.
  RULEBUS_API explicit journey_recorder(std::size_t capacity, std::shared_ptr<observer> next = nullptr);

  RULEBUS_API void observe(const log_record& record) override;

  /// The steps of that event that are still kept, in the order in which they happened. Cost: looks at all that are kept.
  RULEBUS_API std::vector<journey_step> journey(std::string_view event_id) const;
  /// All that are kept.
  RULEBUS_API std::vector<journey_step> steps() const;

 private:
  template <class Want>
  std::vector<journey_step> kept(Want want) const;

  const std::size_t capacity_;
  const std::shared_ptr<observer> next_;
  mutable std::mutex mutex_;
  std::vector<journey_step> ring_;  // guarded by mutex_
  std::size_t oldest_ = 0;          // guarded by mutex_; in a full ring
};

}  // namespace rulebus::inline v1
