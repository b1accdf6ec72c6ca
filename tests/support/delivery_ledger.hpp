// delivery_ledger: what was seen of every event at every target, from all sides that see it - the bus's observer, on_error,
// the report of stop, the targets, the dead-letter targets - and whether it adds up: each in exactly one end.
// Thread-safe: one word per event and target, set with atomic operations.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rulebus/bus.hpp"
#include "rulebus/observer.hpp"

namespace tests {

class delivery_ledger final : public rulebus::observer {
 public:
  enum mark : std::uint16_t {
    created = 1,           // invocation_start
    succeeded = 2,         // the four ends, as observed
    to_dead_letters = 4,   //
    failed = 8,            //
    left = 16,             //
    told_dropped = 32,     // on_error
    told_dead = 64,        //
    reported = 128,        // stop
    said_yes = 256,        // the target called succeed(), whether in time or not
    letter_arrived = 512,  // the dead-letter target called succeed()
    letter_succeeded = 1024,
    letter_failed = 2048,
    letter_left = 4096,
    twice = 32768,  // any of them
  };
  struct totals {
    std::uint64_t created = 0, succeeded = 0, dead = 0, failed = 0, left = 0, letters = 0, letters_failed = 0, letters_left = 0;
    void add(const totals& other) {
      created += other.created;
      succeeded += other.succeeded;
      dead += other.dead;
      failed += other.failed;
      left += other.left;
      letters += other.letters;
      letters_failed += other.letters_failed;
      letters_left += other.letters_left;
    }
  };

  delivery_ledger(std::size_t events, std::size_t targets)
      : targets_(targets), size_(events * targets), words_(new std::atomic<std::uint16_t>[size_]()) {}

  /// The number of the event that this thread puts; its id is learnt from what the observer hears first.
  static std::uint32_t& putting() {
    thread_local std::uint32_t number = 0;
    return number;
  }
  /// Rules are named r<number>, targets <number>, unique over all rules.
  static std::size_t target_number(std::string_view id) {
    std::size_t n = 0;
    for (const char c : id) n = 10 * n + static_cast<std::size_t>(c - '0');
    return n;
  }

  void set(std::uint32_t event, std::size_t target, mark m) {
    if (words_[event * targets_ + target].fetch_or(m) & m) words_[event * targets_ + target].fetch_or(twice);
  }
  void set(std::uint32_t event, std::string_view target, mark m) { set(event, target_number(target), m); }
  void set(std::string_view event_id, std::string_view target, mark m) { set(number_of(event_id), target, m); }
  /// The target called succeed(): any number of times.
  void say_yes(std::uint32_t event, std::size_t target) { words_[event * targets_ + target].fetch_or(said_yes); }
  bool has(std::uint32_t event, std::size_t target, mark m) const { return words_[event * targets_ + target].load() & m; }

  std::uint32_t number_of(std::string_view event_id) {
    shard& s = shard_of(event_id);
    const std::lock_guard lock(s.mutex);
    return s.numbers.at(std::string(event_id));
  }

  void observe(const rulebus::log_record& r) override {
    using rulebus::log_type;
    if (r.type == log_type::event_receipt) {
      shard& s = shard_of(r.event_id);
      const std::lock_guard lock(s.mutex);
      s.numbers.emplace(r.event_id, putting());
      return;
    }
    if (r.type == log_type::invocation_start) return set(r.event_id, r.target_id, created);
    if (r.type == log_type::invocation_dlq) return set(r.event_id, r.target_id, to_dead_letters);
    const bool is_end = r.type == log_type::invocation_success || r.type == log_type::invocation_failure ||
                        r.type == log_type::invocation_stopped;
    if (!is_end) return;
    // What ends once more after it was sent to the dead letters is the letter.
    const std::uint32_t event = number_of(r.event_id);
    const std::size_t target = target_number(r.target_id);
    const bool letter = has(event, target, to_dead_letters);
    if (r.type == log_type::invocation_success) return set(event, target, letter ? letter_succeeded : succeeded);
    if (r.type == log_type::invocation_failure) return set(event, target, letter ? letter_failed : failed);
    set(event, target, letter ? letter_left : left);
  }

  /// What is wrong with a word; empty: nothing.
  static std::string wrong(std::uint16_t w) {
    if (w == 0) return {};
    const auto count = [w](std::uint16_t of) { return __builtin_popcount(w & of); };
    if (w & twice) return "something was told twice";
    if (!(w & created)) return "an end without a beginning";
    if (count(succeeded | to_dead_letters | failed | left) != 1) return "not exactly one end";
    const int letters = count(letter_succeeded | letter_failed | letter_left);
    if (letters != ((w & to_dead_letters) ? 1 : 0)) return "not exactly one end of the dead letter";
    if ((w & succeeded) && !(w & said_yes)) return "success, but the target never said so";
    if (bool(w & letter_succeeded) && !(w & letter_arrived)) return "the dead letter arrived, but its target never said so";
    if (bool(w & told_dead) != bool(w & to_dead_letters)) return "dead letters and on_error differ";
    const bool dropped = w & (failed | letter_failed), stayed = w & (left | letter_left);
    if (dropped && !(w & told_dropped)) return "dropped silently";
    if (stayed && count(told_dropped | reported) != 1) return "left at stop, and not told once";
    if (!dropped && !stayed && (w & (told_dropped | reported))) return "told as lost, and was not";
    return {};
  }

  /// The first that is wrong, with its number; and sums over all.
  std::string check(totals& sum, std::uint32_t events) const {
    std::string first;
    for (std::size_t i = 0; i < events * targets_; ++i) {
      const std::uint16_t w = words_[i].load(std::memory_order_relaxed);
      if (w == 0) continue;
      sum.created += (w & created) != 0;
      sum.succeeded += (w & succeeded) != 0;
      sum.dead += (w & to_dead_letters) != 0;
      sum.failed += (w & failed) != 0;
      sum.left += (w & left) != 0;
      sum.letters += (w & letter_succeeded) != 0;
      sum.letters_failed += (w & letter_failed) != 0;
      sum.letters_left += (w & letter_left) != 0;
      if (!first.empty()) continue;
      if (const std::string why = wrong(w); !why.empty()) {
        first = "event " + std::to_string(i / targets_) + ", target " + std::to_string(i % targets_) + ": " + why + " (" +
                std::to_string(w) + ")";
      }
    }
    return first;
  }

  /// How many have it.
  std::uint64_t count(mark m) const {
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < size_; ++i) n += (words_[i].load(std::memory_order_relaxed) & m) != 0;
    return n;
  }

 private:
  struct shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::uint32_t> numbers;
  };
  shard& shard_of(std::string_view id) { return shards_[std::hash<std::string_view>()(id) % shards_.size()]; }

  const std::size_t targets_, size_;
  const std::unique_ptr<std::atomic<std::uint16_t>[]> words_;
  std::array<shard, 64> shards_;
};

}  // namespace tests
