// The twin of a lane: the deliveries to one target, from one thread whose clock is moved, as docs/delivery.md describes them.
// One list of all events with the state of each, searched from its beginning whenever there is a question. Slow and obvious;
// it shares the options with the library, and no code. Batches and changes of rules are not in it.
//
//   naive::delivery_day day{.how = options, .puts = {{.at = 1s}, {.at = 2s}}};
//   for (const naive::delivery_line& line : naive::deliver(day).lines) …
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rulebus/delivery_options.hpp"

namespace naive {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Event n is the n-th that is put.
struct planned_put {
  nanoseconds at{0};
  std::string ordering_key{}, deduplication_id{};
};

/// What the target does with one attempt.
struct planned_answer {
  enum class kind { succeed, fail, retry, retry_after, throws, drop, never };
  kind what = kind::succeed;
  nanoseconds later{0};   // 0: within deliver
  milliseconds after{0};  // of retry_after
  bool twice = false;     // and then it says something else
};

/// How likely the target does what, of a thousand.
struct target_manners {
  std::size_t fail = 0, retry = 0, retry_after = 0, throws = 0, drop = 0, never = 0, late = 0, twice = 0;
};

struct delivery_day {
  rulebus::delivery_options how{};
  std::uint64_t seed = 1;
  std::string target_id = "t";
  std::chrono::seconds deduplication_window{300};
  bool has_dead_letters = false;
  bool put_by_target = false;       // each from within a target, that itself is given an event
  std::vector<planned_put> puts{};  // in order of time
  nanoseconds end{0};               // then the bus is stopped
  target_manners manners{};         // but in its outages it wants everything again
  std::vector<std::pair<nanoseconds, nanoseconds>> outages{};

  planned_answer answer(std::size_t event, unsigned attempt, nanoseconds at) const;
  bool refuses_letter(std::size_t event) const;  ///< the dead-letter target, for good
};

/// One thing that happened to one event.
struct delivery_line {
  nanoseconds at{0};
  std::size_t event = 0;
  std::string what{};
};

struct delivery_history {
  std::vector<delivery_line> lines{};  // in the order in which they happened
  std::size_t deduplicated = 0, at_once = 0, throttled = 0, attempts = 0, retries = 0, timeouts = 0, late_answers = 0;
  std::size_t used_up = 0, outlived = 0, refused = 0, pushed_out = 0, held_back = 0, waits_for_token = 0, trips = 0, probes = 0,
              failed_probes = 0;
  std::size_t letters = 0, letters_refused = 0, dropped = 0, delivered = 0, left = 0;
};

/// What happens on that day.
delivery_history deliver(const delivery_day& day);

// What targets say, and what the library is known to say for them.
inline constexpr std::string_view trouble = "trouble", out_of_order = "out of order";

}  // namespace naive
