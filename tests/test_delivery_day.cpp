// A day in no time: 24 hours of retries, rate limits, circuit breakers, full queues and de-duplication windows under a clock
// that is moved, for random options and a target that does as a random script says, against a slow twin, line for line.
//
// RULEBUS_DAYS: how many days; RULEBUS_SEED: the first one's seed, the next has the next.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lane_probe.hpp"
#include "naive_delivery.hpp"
#include "random_source.hpp"
#include "rulebus/bus.hpp"

using namespace rulebus;
using naive::delivery_day;
using naive::delivery_line;
using naive::planned_answer;
using probe::milliseconds;
using probe::nanoseconds;
using std::chrono::seconds;
using tests::random_source;

namespace {

constexpr nanoseconds a_day = std::chrono::hours(24);

// ---- the library's day

/// A bus with one target, which lives through a day and writes down what happens.
class library_day {
 public:
  explicit library_day(const delivery_day& day) : day_(day) {
    bus_options o{.deduplication_window = day.deduplication_window, .clock = time_, .executor = make_manual_executor()};
    o.seed = day.seed;
    o.on_error = [this](const delivery_failure& f) { on_error(f); };
    o.observer = std::shared_ptr<observer>(std::shared_ptr<void>(), &watcher_);
    bus_.emplace("day", std::move(o));
    bus_->put_rule(probe::from_shop("r")).value();
    rule_target t{.id = day.target_id, .target = probe::taking([this](delivery d) { deliver(std::move(d)); })};
    t.delivery = day.how;
    if (day.has_dead_letters) t.dead_letter = probe::taking([this](delivery d) { deliver_letter(std::move(d)); });
    bus_->put_target("r", std::move(t)).value();
    bus_->put_rule({.name = "bring", .event_pattern = R"({"source": ["bring"]})"}).value();
    bus_->put_target("bring", {.id = "bring", .target = make_target([this](const delivery&) { put_one(*next_); })}).value();
  }

  std::vector<delivery_line> run() {
    std::size_t put = 0;
    for (;;) {
      nanoseconds at = put < day_.puts.size() ? day_.puts[put].at : day_.end;
      for (const late& l : late_) at = std::min(at, l.at);
      if (const auto due = bus_->next_due()) {
        REQUIRE(due->count() > 0);  // all that was due has been done
        at = std::min(at, time_->elapsed() + *due);
      }
      time_->advance(std::min(at, day_.end) - time_->elapsed());
      if (at >= day_.end) break;
      answer_late();
      for (; put < day_.puts.size() && day_.puts[put].at == at; ++put) put_event(put);
      bus_->pump();
    }
    metrics = bus_->metrics();
    of_target = bus_->metrics("r", day_.target_id).value();
    left = bus_->stop().size();
    return std::move(lines_);
  }

  bus_metrics metrics{};
  delivery_metrics of_target{};
  std::size_t left = 0;

 private:
  struct late {
    nanoseconds at;
    delivery of;
    planned_answer what;
  };

  void put_event(std::size_t event) {
    next_ = event;
    if (!day_.put_by_target) return put_one(event);
    bus_->put_event({.source = "bring", .detail_type = "n", .detail = "{}"}).value();
  }

  void put_one(std::size_t event) {
    const std::string detail = R"({"n":)" + std::to_string(event) + "}";
    const naive::planned_put& p = day_.puts[event];
    const put_events_entry entry{.source = "shop",
                                 .detail_type = "n",
                                 .detail = detail,
                                 .ordering_key = p.ordering_key,
                                 .deduplication_id = p.deduplication_id};
    putting_ = event;
    const put_events_result answer = bus_->put_events({entry}).value();
    putting_.reset();
    REQUIRE(answer.failed_entry_count == 0);
    const put_events_result_entry& one = answer.entries.front();
    if (one.deduplicated) say(event, "the same as " + std::to_string(number_.at(one.event_id)));
  }

  void deliver(delivery d) {
    const auto event = static_cast<std::size_t>(std::stoul(probe::number_of(d.event())));
    const planned_answer a = day_.answer(event, d.attempt(), time_->elapsed());
    if (a.what == planned_answer::kind::never) return never_.push_back(std::move(d));
    if (a.what == planned_answer::kind::throws) throw std::runtime_error(std::string(naive::out_of_order));
    if (a.later.count() > 0) return late_.push_back({time_->elapsed() + a.later, std::move(d), a});
    answer(std::move(d), a);
  }

  static void answer(delivery d, const planned_answer& a) {
    const error trouble{errc::target_failed, std::string(naive::trouble)};
    switch (a.what) {
      case planned_answer::kind::succeed: d.succeed(); break;
      case planned_answer::kind::fail: d.fail(trouble); break;
      case planned_answer::kind::retry: d.retry(trouble); break;
      case planned_answer::kind::retry_after: d.retry(trouble, a.after); break;
      default: return;  // dropped
    }
    if (!a.twice) return;
    d.succeed();
    d.fail(trouble);
  }

  void answer_late() {
    std::deque<late> now;
    for (std::size_t i = 0; i < late_.size();) {
      if (late_[i].at > time_->elapsed()) {
        ++i;
        continue;
      }
      now.push_back(std::move(late_[i]));
      std::deque<late> others;  // a delivery cannot be assigned
      for (std::size_t k = 0; k < late_.size(); ++k) {
        if (k != i) others.push_back(std::move(late_[k]));
      }
      late_.swap(others);
    }
    for (late& l : now) answer(std::move(l.of), l.what);
  }

  void deliver_letter(delivery d) {
    const auto event = static_cast<std::size_t>(std::stoul(probe::number_of(d.event())));
    const string_map& all = *d.details().attributes;
    const auto used_up = all.find("EXHAUSTED_RETRY_CONDITION");
    say(event, "letter: " + all.at("ERROR_CODE") + ", " + (used_up == all.end() ? std::string() : used_up->second) + ", " +
                   all.at("RETRY_ATTEMPTS") + ", " + all.at("ERROR_MESSAGE"));
    if (day_.refuses_letter(event)) return d.fail({errc::target_failed, std::string(naive::trouble)});
    d.succeed();
  }

  struct watcher final : observer {
    explicit watcher(library_day& of) : day(of) {}
    void observe(const log_record& r) override { day.observe(r); }
    library_day& day;
  };

  void observe(const log_record& r) {
    if (r.type == log_type::event_receipt) {
      if (!putting_) return;  // what brings it
      number_.emplace(r.event_id, *putting_);
    } else if (r.target_id != day_.target_id) {
      return;
    }
    const std::size_t event = number_.at(std::string(r.event_id));
    say(event, (lettered_.contains(event) ? "letter: " : "") + told(name(r.type), r.attempt, r.reason));
    if (r.type == log_type::invocation_dlq) lettered_.insert(event);
  }

  void on_error(const delivery_failure& f) {
    const std::size_t event = number_.at(std::string(f.event.id()));
    const bool letter = !f.dead_lettered && lettered_.contains(event);
    say(event,
        (letter ? "letter: " : "") + told(f.dead_lettered ? "told of a dead letter" : "told of a loss", f.attempts, &f.reason));
  }

  static std::string told(std::string_view what, unsigned attempt, const error* reason) {
    std::string line = std::string(what) + " " + std::to_string(attempt);
    return reason ? line + ": " + reason->message : line;
  }
  void say(std::size_t event, std::string what) { lines_.push_back({time_->elapsed(), event, std::move(what)}); }

  const delivery_day& day_;
  const std::shared_ptr<manual_clock> time_ = probe::clock_at(1'700'000'000);
  watcher watcher_{*this};
  std::vector<delivery_line> lines_;
  std::map<std::string, std::size_t, std::less<>> number_;
  std::set<std::size_t> lettered_;
  std::optional<std::size_t> putting_, next_;
  std::deque<late> late_;
  std::deque<delivery> never_;
  std::optional<bus> bus_;
};

// ---- random days

/// From low to high, the small ones as likely as the large ones.
double spread(random_source& random, double low, double high) {
  const double between = static_cast<double>(random.below(1'000'000'007)) / 1'000'000'007.0;
  return low * std::pow(high / low, between);
}
milliseconds spread_ms(random_source& random, double low, double high) {
  return milliseconds(static_cast<std::int64_t>(spread(random, low, high)));
}

delivery_options random_options(random_source& random) {
  delivery_options o;
  o.dispatch = random.percent(50) ? dispatch::caller : dispatch::executor;
  o.retry.maximum_retry_attempts = random.pick(std::vector<unsigned>{0, 1, 2, 3, 6, 20, 185});
  o.retry.maximum_event_age = seconds(static_cast<std::int64_t>(spread(random, 60, 86'400.5)));
  o.retry.backoff_base = spread_ms(random, 1, 60'000);
  o.retry.backoff_cap = o.retry.backoff_base + spread_ms(random, 1, 3'600'000);
  o.timeout = random.percent(20) ? milliseconds(0) : spread_ms(random, 100, 1'800'000);
  if (random.percent(75)) o.queue_capacity = static_cast<std::size_t>(spread(random, 1, 60));
  o.when_full = random.pick(std::vector{overflow::block, overflow::reject, overflow::drop_oldest});
  o.max_in_flight = random.percent(30) ? 1 : random.percent(60) ? random.between(2, 10) : 64;
  if (random.percent(40)) o.rate = {.per_second = spread(random, 0.003, 3), .burst = spread(random, 1, 20)};
  if (random.percent(40)) {
    o.breaker = {.failures = static_cast<unsigned>(random.between(1, 6)), .open_for = spread_ms(random, 1000, 7'200'000)};
  }
  return o;
}

delivery_day random_day(std::uint64_t seed) {
  random_source random(seed);
  delivery_day day{.how = random_options(random), .seed = seed | 1, .end = a_day};
  day.deduplication_window = seconds(static_cast<std::int64_t>(spread(random, 1, 7200)));
  day.has_dead_letters = random.percent(60);
  // Who puts from within a target is never made to wait; who puts from elsewhere would wait until somebody moves the clock.
  day.put_by_target = day.how.when_full == overflow::block;
  const bool breaker = day.how.breaker.failures > 0;  // it must have something to do
  const bool failing = breaker || random.percent(70), late = random.percent(60), keys = random.percent(50),
             ids = random.percent(50);
  if (failing) day.manners = {.fail = random.below(100), .retry = random.below(300), .retry_after = random.below(200)};
  if (failing) day.manners.throws = random.below(60), day.manners.drop = random.below(60);
  if (late) day.manners.late = random.below(800);
  if (day.how.timeout.count() > 0) day.manners.never = random.below(60);
  day.manners.twice = random.below(200);
  for (nanoseconds at{0}; random.percent(70) || (breaker && day.outages.size() < 5);) {
    at += spread_ms(random, 1000, 20'000'000);
    const nanoseconds from = at;
    at += spread_ms(random, 1000, 20'000'000);
    if (from < a_day) day.outages.emplace_back(from, at);
  }
  const std::size_t burst = random.between(0, 60);  // of a hundred puts so many come with the one before
  const double longest = spread(random, 1'000, 3'000'000);
  for (nanoseconds at{1}; day.puts.size() < 600;) {
    if (!random.percent(burst)) at += spread_ms(random, 1, longest) + nanoseconds(1 + random.below(1'000'000));
    if (random.percent(1)) at += spread_ms(random, 1000, 20'000'000);
    if (at >= a_day) break;
    naive::planned_put put{.at = at};
    if (keys && random.percent(60)) put.ordering_key = "k" + std::to_string(random.below(4));
    if (ids && random.percent(60)) put.deduplication_id = "d" + std::to_string(random.below(20));
    day.puts.push_back(std::move(put));
  }
  return day;
}

// ---- side by side

/// Twin and library add up parts of tokens differently: after some thousand, they are nanoseconds apart.
bool same_time(const delivery_day& day, nanoseconds a, nanoseconds b) {
  const double apart = std::abs(static_cast<double>((a - b).count()));
  return a == b || (day.how.rate.per_second > 0 && apart <= 1000 / day.how.rate.per_second + 1000);
}

std::string written(const delivery_line& line) {
  return std::to_string(line.at.count()) + " event " + std::to_string(line.event) + " " + line.what;
}
std::string written(const std::vector<delivery_line>& lines) {
  std::string all;
  for (const delivery_line& line : lines) all += written(line) + "\n";
  return all;
}

/// All calls of the target in their order, and then what happened to each event.
std::vector<delivery_line> arranged(const std::vector<delivery_line>& lines) {
  std::vector<delivery_line> all, by_event = lines;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(all),
               [](const delivery_line& line) { return line.what.starts_with("INVOCATION_ATTEMPT_START"); });
  std::stable_sort(by_event.begin(), by_event.end(),
                   [](const delivery_line& a, const delivery_line& b) { return a.event < b.event; });
  all.insert(all.end(), by_event.begin(), by_event.end());
  return all;
}

/// Where they differ first; empty: nowhere.
std::string difference(const delivery_day& day, const std::vector<delivery_line>& library,
                       const std::vector<delivery_line>& twin) {
  const std::vector<delivery_line> a = arranged(library), b = arranged(twin);
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i < a.size() && i < b.size() && a[i].event == b[i].event && a[i].what == b[i].what && same_time(day, a[i].at, b[i].at)) {
      continue;
    }
    std::string told = "line " + std::to_string(i) + "\n";
    for (std::size_t k = i < 4 ? 0 : i - 4; k < i + 3; ++k) {
      if (k < a.size()) told += "  library: " + written(a[k]) + "\n";
      if (k < b.size()) told += "  twin:    " + written(b[k]) + "\n";
    }
    return told;
  }
  return {};
}

void check_counts(const library_day& library, const naive::delivery_history& twin) {
  const delivery_metrics& m = library.of_target;
  CHECK(library.metrics.deduplicated_entries == twin.deduplicated);
  CHECK(m.invocation_attempts == twin.attempts);
  CHECK(m.retry_invocation_attempts == twin.retries);
  CHECK(m.successful_invocation_attempts == twin.delivered);
  CHECK(m.throttled_invocations == twin.throttled);
  CHECK(m.invocations_sent_to_dlq == twin.letters - twin.letters_refused);
  CHECK(m.invocations_failed_to_be_sent_to_dlq == twin.letters_refused);
  CHECK(m.dropped == twin.dropped);
  CHECK(m.queued + m.in_flight == twin.left);
  CHECK(library.left == twin.left);
}

/// What happened on all days, by name.
using totals = std::map<std::string, std::size_t>;

void add(totals& sum, const naive::delivery_history& day) {
  sum["deduplicated"] += day.deduplicated;
  sum["at once"] += day.at_once;
  sum["throttled"] += day.throttled;
  sum["retries"] += day.retries;
  sum["timeouts"] += day.timeouts;
  sum["answers too late"] += day.late_answers;
  sum["used up"] += day.used_up;
  sum["outlived"] += day.outlived;
  sum["refused"] += day.refused;
  sum["pushed out"] += day.pushed_out;
  sum["held back"] += day.held_back;
  sum["waits for a token"] += day.waits_for_token;
  sum["trips"] += day.trips;
  sum["good probes"] += day.probes - day.failed_probes;
  sum["failed probes"] += day.failed_probes;
  sum["letters"] += day.letters;
  sum["letters refused"] += day.letters_refused;
  sum["dropped"] += day.dropped;
  sum["delivered"] += day.delivered;
}

constexpr std::uint64_t enough_days = 30;  // for each of these to happen, whatever the seed

}  // namespace

TEST_CASE("delivery: a day of every kind of trouble is that of the slow twin, line for line, and the same again by its seed") {
  const std::uint64_t seed = tests::seed() % 1'000'000'000;
  const std::uint64_t days = tests::number_from_environment("RULEBUS_DAYS", std::max(enough_days, 60 / tests::build_slowness));
  MESSAGE("seed ", seed);
  totals sum;
  std::size_t lines = 0;
  std::chrono::duration<double, std::milli> took{0}, slowest{0};
  for (std::uint64_t n = 0; n < days; ++n) {
    CAPTURE(seed + n);
    const delivery_day day = random_day(seed + n);
    const auto begin = std::chrono::steady_clock::now();
    library_day library(day);
    const std::vector<delivery_line> seen = library.run();
    const std::chrono::duration<double, std::milli> once = std::chrono::steady_clock::now() - begin;
    took += once;
    slowest = std::max(slowest, once);
    lines += seen.size();
    const naive::delivery_history twin = naive::deliver(day);
    REQUIRE(difference(day, seen, twin.lines) == "");
    check_counts(library, twin);
    CHECK(written(library_day(day).run()) == written(seen));
    add(sum, twin);
  }
  std::string told, rare;
  for (const auto& [what, count] : sum) {
    told += ", " + std::to_string(count) + " " + what;
    if (count < 10) rare += what + " ";
  }
  MESSAGE(days, " days, ", took.count() / static_cast<double>(days), " ms each, the slowest ", slowest.count(), " ms; ", lines,
          " lines", told);
  if (days >= enough_days) CHECK(rare == "");
}
