// arena: one workload made ready: its events and rules in memory, every contender set up, and all their answers compared.
// What is timed later are answers that were right before.
//
// The contenders: rulebus checked and trusted over all events; RE2 (re2_rules) and the slow twin
// (tests/support/naive_matcher.hpp) over the first few, as many as a bounded time allows; simdjson's On-Demand `iterate` over all
// events, the floor.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench_floor.hpp"
#include "naive_matcher.hpp"
#include "re2_rules.hpp"
#include "rulebus/matcher.hpp"
#include "workload.hpp"

namespace rulebus::bench {

/// Two contenders disagree, or something was refused.
struct wrong_answer : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class arena {
 public:
  /// Builds everything and verifies it; throws wrong_answer. `events` is how many of them a pass has.
  arena(workload w, std::shared_ptr<const cli::padded_events> events);

  // One pass over the contender's events; how many pairs of rule and event matched.
  std::size_t pass_checked() { return pass(checked_); }
  std::size_t pass_trusted() { return pass(trusted_); }
  std::size_t pass_naive() const;
  std::size_t pass_re2() const;
  std::size_t pass_floor() { return floor_.pass(events_); }

  const workload& about() const { return workload_; }
  /// What a pass goes over: all events, or the first few where a pass over all would take many seconds.
  std::span<const std::string_view> events() const { return events_; }
  rulebus::matcher& matcher() { return matcher_; }
  double add_seconds() const { return add_seconds_; }         ///< to parse and add all rules, once, after making their text
  std::size_t memory_bytes() const { return memory_bytes_; }  ///< of the matcher with all rules
  std::size_t matches() const { return matches_; }            ///< of one pass over all events
  std::size_t naive_events() const { return twin_answers_; }  ///< over which the twin is timed; 0: it is not
  std::size_t re2_events() const { return re2_answers_; }
  std::size_t naive_matches() const { return naive_matches_; }
  std::size_t re2_matches() const { return re2_matches_; }
  std::size_t verified_by_twin() const { return verified_; }  ///< events whose answers the twin confirmed

 private:
  std::size_t pass(matcher::reader& reader);
  void add_rules();
  void compare_checked_and_trusted();
  void compare_with_twin();
  void time_twin(std::vector<naive::pattern> patterns, const std::vector<std::size_t>& matches_of_sample);
  void compare_with_re2();
  std::vector<std::size_t> answer(std::size_t event);  // numbers of rules, ascending
  [[noreturn]] void wrong(const std::string& what, std::size_t event) const;

  workload workload_;
  std::shared_ptr<const cli::padded_events> storage_;
  std::span<const std::string_view> events_;
  rulebus::matcher matcher_;
  std::vector<rule_id> ids_;  // ascending
  double add_seconds_ = 0;
  std::size_t memory_bytes_ = 0, matches_ = 0;
  matcher::reader checked_, trusted_;
  cli::floor_reader floor_;

  std::vector<naive::pattern> twin_patterns_;
  std::optional<naive::matcher> twin_;
  std::size_t twin_answers_ = 0, naive_matches_ = 0, verified_ = 0;
  std::optional<re2_rules> re2_;
  std::size_t re2_answers_ = 0, re2_matches_ = 0;
};

}  // namespace rulebus::bench
