// schedule: what a scheduler keeps by name: when to fire, and what to deliver to whom then. EventBridge Scheduler's
// CreateSchedule, as an aggregate, and what it lacks: overlaps, catching up, pausing.
// Thread safety: values. The scheduler keeps copies.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/delivery_options.hpp"
#include "rulebus/target.hpp"
#include "rulebus/time_zone.hpp"

namespace rulebus::inline v1 {

enum class schedule_state : std::uint8_t { enabled, disabled };

/// What becomes of a schedule whose last fire is over: it stays, or it is deleted (the service's DELETE).
enum class completion : std::uint8_t { none, remove };

/// What a fire does while the one before has not ended (been delivered, dead-lettered or dropped).
enum class overlap : std::uint8_t {
  allow_all,   ///< fires all the same, as the service does
  skip,        ///< does not fire, and is reported
  buffer_one,  ///< waits for its end; another that comes meanwhile is skipped, and reported
  buffer_all,  ///< waits for its turn
};

/// What to do about fires whose time went by while nobody looked: the program was stopped, the machine slept, the clock was put
/// forward. Each of them is reported.
enum class catch_up : std::uint8_t {
  fire_once,  ///< of those missed in a row, only the last
  fire_all,   ///< every one, in the order of time
  skip,       ///< none
};

struct schedule_target {
  std::shared_ptr<rulebus::target> target{};
  std::string arn{};  ///< a name for other programs, and by which save and restore know the target; at most 1600 characters
  /// What is delivered; empty: a "Scheduled Event" as the service makes it. These are replaced wherever they stand:
  /// <aws.scheduler.schedule-arn>, <aws.scheduler.scheduled-time>, <aws.scheduler.execution-id>, <aws.scheduler.attempt-number>.
  std::string input{};                             // at most 256 KiB
  std::optional<delivery_options> delivery{};      ///< default: scheduler_options::delivery
  std::shared_ptr<rulebus::target> dead_letter{};  ///< gets what could not be delivered; default: dropped, and counted
  std::string dead_letter_arn{};                   ///< its name, for save and restore
};

struct schedule {
  std::string name{};                 ///< 1 to 64 of [.-_A-Za-z0-9], unique in its group
  std::string group = "default";      ///< must be there
  std::string schedule_expression{};  ///< cron, rate or at
  std::string schedule_expression_timezone = "UTC";
  std::string description{};               ///< at most 512 characters
  std::optional<time_point> start_date{};  ///< no fire before; where a rate counts from. At takes no notice of either
  std::optional<time_point> end_date{};    ///< no fire behind
  /// A fire comes at a random instant of this window, the same for the same seed; 0: at its time. At most 24 hours; a window
  /// that reaches the next fire ends there.
  std::chrono::minutes flexible_time_window{0};
  schedule_state state = schedule_state::enabled;
  completion action_after_completion = completion::none;
  schedule_target target{};
  rulebus::overlap overlap = rulebus::overlap::allow_all;
  rulebus::catch_up catch_up = rulebus::catch_up::fire_once;
  std::chrono::seconds catch_up_window{86400};  ///< what is later than this is never caught up with; 0 or more
  unsigned pause_after_failures = 0;            ///< fires in a row that end without success, until it pauses; 0: never
  string_map tags{};                            ///< at most 50
};

/// How a schedule stands.
struct schedule_status {
  std::optional<time_point> next{};  ///< instant of the expression; nothing when there is none, disabled or paused
  std::optional<time_point> last{};  ///< the latest that was fired or reported
  bool paused = false;               ///< by failures; enable_schedule or update_schedule end it
  unsigned failures = 0;             ///< in a row; counted where pause_after_failures is set
  std::size_t running = 0;           ///< fires that have not ended; counted where overlap or pauses are asked for
  std::size_t buffered = 0;          ///< fires that wait for those
};

/// Something that did not go by the expression alone.
enum class schedule_event : std::uint8_t {
  fired_late,  ///< missed, and caught up with
  superseded,  ///< missed; a later one fires for it (catch_up::fire_once)
  skipped,     ///< missed, and not fired (catch_up::skip)
  too_old,     ///< missed for longer than catch_up_window
  overlapped,  ///< not fired because the one before has not ended
  paused,      ///< the schedule was paused by failures; also for each buffered fire that is given up with it
};

constexpr std::string_view name(schedule_event e) noexcept {
  switch (e) {
    case schedule_event::fired_late: return "fired_late";
    case schedule_event::superseded: return "superseded";
    case schedule_event::skipped: return "skipped";
    case schedule_event::too_old: return "too_old";
    case schedule_event::overlapped: return "overlapped";
    case schedule_event::paused: return "paused";
  }
  return "unknown";
}

/// Valid for the call.
struct schedule_report {
  schedule_event what{};
  std::string_view name{}, group{};
  time_point scheduled_time{};  ///< the instant of the expression
};

}  // namespace rulebus::inline v1
