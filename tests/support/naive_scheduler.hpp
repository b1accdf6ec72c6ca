// The twin of a scheduler that is stopped and started again: what one schedule promises to fire, and to report, from its
// expression and its policies alone. Slow and obvious; shares no code with the library. Times are in seconds since 1970.
#pragma once

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "naive_schedule.hpp"
#include "wall_clock.hpp"

namespace naive {

/// "2026-11-25T08:00:00Z" by the C library.
inline std::int64_t to_instant(const std::string& text) {
  std::tm t{};
  const char* const end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &t);
  if (end == nullptr || *end != '\0') throw std::invalid_argument(text);
  return timegm(&t);
}

/// A schedule as the twin sees it. Every fire takes `takes` seconds, from when it began.
struct promised_schedule {
  std::string expression{}, zone{};  // cron, or rate in minutes, hours or days
  std::string catch_up{}, overlap{};
  std::int64_t catch_up_window = 0, takes = 0;
};

/// The scheduler runs from `from` to `to`, and sees every instant in between at its time; then it is killed.
struct promised_life {
  std::int64_t from = 0, to = 0;
};

struct promised {
  std::vector<std::pair<std::int64_t, std::int64_t>> fires{};   // the instant, and when it began
  std::vector<std::pair<std::string, std::int64_t>> reports{};  // what, and of which instant
  friend bool operator==(const promised&, const promised&) = default;
};

/// All instants of the expression from `from` to `to`, both included; a rate counts from `from`.
inline std::vector<std::int64_t> promised_instants(const promised_schedule& s, std::int64_t from, std::int64_t to) {
  if (s.expression.starts_with("cron(")) {
    static std::map<std::tuple<std::string, std::string, std::int64_t, std::int64_t>, std::vector<std::int64_t>> known;
    const auto [at, fresh] = known.try_emplace({s.expression, s.zone, from, to});
    if (fresh) at->second = walk(parse_cron(s.expression, true), tests::wall_clock(s.zone), from - 1, to, SIZE_MAX);
    return at->second;
  }
  const std::int64_t number = std::stoll(s.expression.substr(5));
  const auto is = [&](const char* unit) { return s.expression.find(unit) != std::string::npos; };
  const std::int64_t period = number * (is("minute") ? 60 : is("hour") ? 3600 : 86400);
  std::vector<std::int64_t> all;
  for (std::int64_t t = from; t <= to; t += period) all.push_back(t);
  return all;
}

class promised_run {
 public:
  promised_run(const promised_schedule& s, const std::vector<promised_life>& lives) : s_(s) {
    left_ = promised_instants(s, lives.front().from, lives.back().to);
    std::reverse(left_.begin(), left_.end());
    for (const promised_life& life : lives) live(life);
  }
  promised out{};

 private:
  static constexpr std::int64_t late_after = 60;

  void live(const promised_life& life) {
    ends_.clear();  // what ran is lost; what waited is not
    start_waiting(life.from);
    take_up(life.from);
    for (;;) {
      std::int64_t now = INT64_MAX;
      if (!left_.empty()) now = left_.back();
      for (const std::int64_t end : ends_) now = std::min(now, end);
      if (now > life.to) return;
      const auto ended = std::erase(ends_, now);
      if (ended > 0 && ends_.empty()) start_waiting(now);
      take_up(now);
    }
  }
  void start_waiting(std::int64_t now) {
    if (waiting_.empty()) return;
    begin(waiting_.front(), now);
    waiting_.pop_front();
  }
  void begin(std::int64_t instant, std::int64_t now) {
    out.fires.emplace_back(instant, now);
    ends_.push_back(now + s_.takes);
  }
  void take_up(std::int64_t now) {
    while (!left_.empty() && left_.back() <= now) {
      const std::int64_t instant = left_.back();
      left_.pop_back();
      if (now - instant > late_after && !caught_up(instant, now)) continue;
      if (s_.overlap == "allow_all" || ends_.empty()) {
        begin(instant, now);
      } else if (s_.overlap == "buffer_all" || (s_.overlap == "buffer_one" && waiting_.empty())) {
        waiting_.push_back(instant);
      } else {
        out.reports.emplace_back("overlapped", instant);
      }
    }
  }
  bool caught_up(std::int64_t instant, std::int64_t now) {
    const bool another = !left_.empty() && left_.back() <= now;
    std::string what = "fired_late";
    if (now - instant > s_.catch_up_window) {
      what = "too_old";
    } else if (s_.catch_up == "skip") {
      what = "skipped";
    } else if (s_.catch_up == "fire_once" && another) {
      what = "superseded";
    }
    out.reports.emplace_back(what, instant);
    return what == "fired_late";
  }

  const promised_schedule& s_;
  std::vector<std::int64_t> left_{};  // the next one at the back
  std::vector<std::int64_t> ends_{};  // of what runs
  std::deque<std::int64_t> waiting_{};
};

}  // namespace naive
