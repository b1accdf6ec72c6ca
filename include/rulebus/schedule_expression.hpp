// schedule_expression: when does cron(…), rate(…) or at(…) fire? EventBridge's two dialects, exactly (docs/schedules.md).
//
//   using rulebus::schedule_expression;
//   auto nightly = schedule_expression::parse("cron(30 2 * * ? *)", rulebus::dialect::scheduler, "Europe/Kyiv");
//   if (!nightly) report(nightly.error());         // reason and byte offset
//   nightly->next_after(now);                      // the first instant behind now, or nothing
//   for (rulebus::time_point t : nightly->between(monday, tuesday)) …
//   nightly->describe();                           // "at 02:30 every day, Europe/Kyiv"
//
// Pure: no clock is read, nothing is remembered. The same arguments have the same answer on every machine with the same time
// zone database.
// Thread safety: a value, immutable but for assignment. Cost: at most 96 bytes, nothing on the heap, trivial to copy; parse
// is linear in the text; next_after and previous_before allocate nothing and take well under a microsecond, some ten
// microseconds where they look through all years to the end (30 February).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "rulebus/detail/schedule_expression_fields.hpp"
#include "rulebus/export.hpp"
#include "rulebus/result.hpp"
#include "rulebus/time_zone.hpp"

namespace rulebus::inline v1 {

/// The two languages. Both have cron and rate.
enum class dialect : std::uint8_t {
  rule,       ///< PutRule: cron has six fields, rate agrees in number ("1 hour", "2 hours"), no at, always UTC
  scheduler,  ///< EventBridge Scheduler: the year may be left out, rate need not agree, at, time zones
};

class schedule_range;

class schedule_expression {
 public:
  /// Parses and validates. `zone` is a name of the IANA database; rules run in UTC. Errors: errc::invalid_schedule at the
  /// first byte that is wrong; errc::not_found for the zone (or its database), errc::invalid_argument for a zone of a rule,
  /// both without a place. What can never fire (30 February, a year that is over) is valid, as it is for the service.
  RULEBUS_API static result<schedule_expression> parse(std::string_view text, rulebus::dialect dialect,
                                                       std::string_view zone = "UTC");

  /// The first instant behind t; nothing when there is none. Cron ends with the year 2199.
  RULEBUS_API std::optional<time_point> next_after(time_point t) const noexcept;
  /// The last instant before t; nothing when there is none.
  RULEBUS_API std::optional<time_point> previous_before(time_point t) const noexcept;
  /// All instants in [from, to), found one by one while they are asked for. Ranges side by side share none and miss none.
  schedule_range between(time_point from, time_point to) const noexcept;

  /// The same expression whose rate counts from `anchor`: when the rule was made, or the schedule's start date. A
  /// scheduler's rate fires at the anchor and then every period; a rule's fires one period after it first. Without an anchor
  /// rates count from 1970-01-01T00:00Z. Cron and at take no notice.
  RULEBUS_API schedule_expression anchored_at(time_point anchor) const noexcept;
  time_point anchor() const noexcept { return anchor_; }

  enum class form : std::uint8_t { cron, rate, at };
  form kind() const noexcept { return static_cast<form>(value_.index()); }
  rulebus::dialect dialect() const noexcept { return dialect_; }
  const time_zone& zone() const noexcept { return *zone_; }
  /// Of a rate; nothing for others.
  std::optional<std::chrono::seconds> period() const noexcept;

  /// Canonical text, valid in both dialects where the original is: equal expressions have equal dumps. Cron has six fields:
  /// lists in order, weekdays and months by name, steps where they are shorter. Zone and anchor are not in it.
  RULEBUS_API std::string dump() const;

  /// In English: "at 02:30 on the last weekday of every month, Europe/Kyiv".
  RULEBUS_API std::string describe() const;

  /// Both fire at the same instants because they say the same: same canonical form, dialect and zone; for rates same anchor.
  RULEBUS_API friend bool operator==(const schedule_expression& a, const schedule_expression& b) noexcept;

 private:
  struct rate {
    std::int64_t period = 0;  // seconds
    friend bool operator==(const rate&, const rate&) = default;
  };
  struct at {
    std::int64_t local = 0;               // what the wall clock shows
    std::optional<std::int64_t> instant;  // when it does, if it does
    friend bool operator==(const at&, const at&) = default;
  };
  using value = std::variant<detail::cron_fields, rate, at>;

  schedule_expression(value v, rulebus::dialect d, const time_zone& zone) : value_(v), zone_(&zone), dialect_(d) {}
  static result<value> parse_text(std::string_view text, rulebus::dialect d, const time_zone& zone);

  value value_;
  const time_zone* zone_;
  time_point anchor_{};
  rulebus::dialect dialect_;
};

/// What between() gives: an input range, and a view of nothing (it holds its own copy of the expression).
class schedule_range {
 public:
  class iterator {
   public:
    using value_type = time_point;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    iterator() = default;
    time_point operator*() const noexcept { return *at_; }
    iterator& operator++() noexcept {
      at_ = range_->inside(range_->expression_.next_after(*at_));
      return *this;
    }
    iterator operator++(int) noexcept {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }
    friend bool operator==(const iterator& a, std::default_sentinel_t) noexcept { return !a.at_; }

   private:
    friend class schedule_range;
    iterator(const schedule_range* range, std::optional<time_point> at) : range_(range), at_(at) {}
    const schedule_range* range_ = nullptr;
    std::optional<time_point> at_{};
  };

  /// Cost: one next_after, as does each step.
  RULEBUS_API iterator begin() const noexcept;
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  friend class schedule_expression;
  schedule_range(const schedule_expression& e, time_point from, time_point to) : expression_(e), from_(from), to_(to) {}
  std::optional<time_point> inside(std::optional<time_point> t) const noexcept { return t && *t < to_ ? t : std::nullopt; }

  schedule_expression expression_;
  time_point from_, to_;
};

inline schedule_range schedule_expression::between(time_point from, time_point to) const noexcept { return {*this, from, to}; }

inline std::optional<std::chrono::seconds> schedule_expression::period() const noexcept {
  const rate* r = std::get_if<rate>(&value_);
  return r == nullptr ? std::nullopt : std::optional(std::chrono::seconds(r->period));
}

}  // namespace rulebus::inline v1
