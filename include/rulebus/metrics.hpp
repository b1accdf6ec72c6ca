// metrics: what has been counted, as plain structs, with the service's names and meanings (CloudWatch namespace AWS/Events),
// and ours where it has none. Prometheus text from them: bus::prometheus_text.
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace rulebus::inline v1 {

/// Counts of durations in buckets that double: bucket i holds those below 2^i microseconds (and not below the one before),
/// the last all that are longer. From one microsecond to a day in 38 numbers.
struct latency_histogram {
  static constexpr std::size_t buckets = 38;
  std::uint64_t count = 0;
  std::chrono::nanoseconds sum{0};
  std::array<std::uint64_t, buckets> counts{};  // last: short times and the two above are in few cache lines

  void add(std::chrono::nanoseconds t) noexcept {
    const auto us = t.count() <= 0 ? 0u : static_cast<std::uint64_t>(t.count()) / 1000;
    const auto i = static_cast<std::size_t>(std::bit_width(us));
    ++counts[i < buckets ? i : buckets - 1];
    ++count;
    sum += t;
  }
  void add(const latency_histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets; ++i) counts[i] += other.counts[i];
    count += other.count;
    sum += other.sum;
  }
  /// An upper bound of the q-quantile (0 to 1): the end of the bucket it is in. Zero where nothing was counted.
  std::chrono::nanoseconds quantile(double q) const noexcept {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets; ++i) {
      seen += counts[i];
      if (seen != 0 && static_cast<double>(seen) >= q * static_cast<double>(count)) {
        return std::chrono::microseconds(std::int64_t{1} << i);
      }
    }
    return {};
  }
};

/// Of one target, or a sum over several.
struct delivery_metrics {
  std::uint64_t invocations_created = 0;        ///< events that matched, for this target
  std::uint64_t invocation_attempts = 0;        ///< calls of the target
  std::uint64_t retry_invocation_attempts = 0;  ///< of these, those after the first
  std::uint64_t successful_invocation_attempts = 0;
  std::uint64_t invocations = 0;            ///< first attempts that succeeded or failed for good
  std::uint64_t failed_invocations = 0;     ///< ended without success: failed for good, or retries used up
  std::uint64_t throttled_invocations = 0;  ///< had to wait for a limit of the target's
  std::uint64_t invocations_sent_to_dlq = 0;
  std::uint64_t invocations_failed_to_be_sent_to_dlq = 0;
  std::uint64_t dropped = 0;                            ///< ended here, without success and without a dead-letter target
  std::uint64_t undelivered = 0;                        ///< left when the bus was stopped
  std::uint64_t queued = 0;                             ///< now: waiting for their turn, or for a retry
  std::uint64_t in_flight = 0;                          ///< now: given to the target, not answered
  std::chrono::nanoseconds oldest_undelivered_age{0};   ///< now: since the oldest of these was put
  latency_histogram ingestion_to_invocation_start{};    ///< from put to the first attempt
  latency_histogram ingestion_to_invocation_success{};  ///< from put to success

  void add(const delivery_metrics& other) noexcept {
    invocations_created += other.invocations_created;
    invocation_attempts += other.invocation_attempts;
    retry_invocation_attempts += other.retry_invocation_attempts;
    successful_invocation_attempts += other.successful_invocation_attempts;
    invocations += other.invocations;
    failed_invocations += other.failed_invocations;
    throttled_invocations += other.throttled_invocations;
    invocations_sent_to_dlq += other.invocations_sent_to_dlq;
    invocations_failed_to_be_sent_to_dlq += other.invocations_failed_to_be_sent_to_dlq;
    dropped += other.dropped;
    undelivered += other.undelivered;
    queued += other.queued;
    in_flight += other.in_flight;
    if (other.oldest_undelivered_age > oldest_undelivered_age) oldest_undelivered_age = other.oldest_undelivered_age;
    ingestion_to_invocation_start.add(other.ingestion_to_invocation_start);
    ingestion_to_invocation_success.add(other.ingestion_to_invocation_success);
  }
};

/// Of one rule, or a sum over several.
struct rule_metrics {
  std::uint64_t matched_events = 0;   ///< events that the rule matched
  std::uint64_t triggered_rules = 0;  ///< the service's count of the same, kept under both names
  delivery_metrics deliveries{};
};

/// Of a bus.
struct bus_metrics {
  std::uint64_t put_events_calls = 0;
  std::uint64_t put_events_failed_calls = 0;  ///< refused as a whole
  std::uint64_t put_events_entries = 0;
  std::uint64_t put_events_failed_entries = 0;
  std::uint64_t deduplicated_entries = 0;
  std::uint64_t events = 0;            ///< accepted, or made by rules with a schedule
  std::uint64_t matched_events = 0;    ///< of these, matched by any rule
  std::uint64_t triggered_rules = 0;   ///< rules matched, summed over the events
  std::uint64_t missed_schedules = 0;  ///< instants that went by unseen, for which a later one fired
  delivery_metrics deliveries{};       ///< of all targets there ever were
};

}  // namespace rulebus::inline v1
