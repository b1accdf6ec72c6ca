// A scheduler that is killed and restored, against the twin of naive_scheduler.hpp: the exact fires and reports that each
// catch-up and each overlap policy promises.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "naive_scheduler.hpp"
#include "random_source.hpp"
#include "rulebus/scheduler.hpp"
#include "scheduler_probe.hpp"

namespace {

using namespace std::chrono_literals;
using probe::utc;
using rulebus::time_point;

const std::map<std::string, rulebus::catch_up> catch_ups = {
    {"fire_once", rulebus::catch_up::fire_once}, {"fire_all", rulebus::catch_up::fire_all}, {"skip", rulebus::catch_up::skip}};
const std::map<std::string, rulebus::overlap> overlaps = {{"allow_all", rulebus::overlap::allow_all},
                                                          {"skip", rulebus::overlap::skip},
                                                          {"buffer_one", rulebus::overlap::buffer_one},
                                                          {"buffer_all", rulebus::overlap::buffer_all}};

std::int64_t seconds(time_point t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }
time_point at(std::int64_t s) { return time_point(std::chrono::seconds(s)); }

/// Schedules "0", "1", … whose fires take their time, in virtual time, through several lives.
class mortal_scheduler {
 public:
  explicit mortal_scheduler(std::vector<naive::promised_schedule> all) : all_(std::move(all)), seen(all_.size()) {}

  void live(const std::vector<naive::promised_life>& lives) {
    for (const naive::promised_life& life : lives) {
      clock_->advance(at(life.from) - clock_->now());
      open();
      if (&life == &lives.front()) {
        create();
      } else {
        it_->restore(state_, [this](std::string_view) { return target_; }).value();
        CHECK((it_->save() == state_));
      }
      run_until(life.to);
      state_ = it_->save();
      it_.reset();
      running_.clear();
    }
  }

 private:
  class keeper final : public rulebus::target {
   public:
    explicit keeper(mortal_scheduler& of) : of_(of) {}
    void deliver(rulebus::delivery d) override {
      const std::size_t n = std::stoul(std::string(d.rule_name().substr(8)));  // "default/n"
      const std::int64_t now = seconds(of_.clock_->now());
      of_.seen[n].fires.emplace_back(naive::to_instant(std::string(d.details().scheduled_time)), now);
      of_.running_.emplace(now + of_.all_[n].takes, std::move(d));
    }

   private:
    mortal_scheduler& of_;
  };

  void open() {
    it_.emplace(rulebus::scheduler_options{
        .clock = clock_, .executor = rulebus::make_manual_executor(), .on_report = [this](const rulebus::schedule_report& r) {
          seen[std::stoul(std::string(r.name))].reports.emplace_back(name(r.what), seconds(r.scheduled_time));
        }});
  }
  void create() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
      rulebus::schedule s;
      s.name = std::to_string(i);
      s.schedule_expression = all_[i].expression;
      s.schedule_expression_timezone = all_[i].zone;
      s.target = {.target = target_, .arn = "arn:keeper"};
      s.target.delivery = rulebus::delivery_options{.timeout = 0ms, .queue_capacity = SIZE_MAX, .max_in_flight = SIZE_MAX};
      s.overlap = overlaps.at(all_[i].overlap);
      s.catch_up = catch_ups.at(all_[i].catch_up);
      s.catch_up_window = std::chrono::seconds(all_[i].catch_up_window);
      it_->create_schedule(std::move(s)).value();
    }
  }
  void run_until(std::int64_t end) {
    it_->pump();
    for (;;) {
      std::optional<time_point> next;
      if (const auto due = it_->next_due()) next = clock_->now() + std::chrono::ceil<std::chrono::milliseconds>(*due);
      if (!running_.empty() && (!next || at(running_.begin()->first) < *next)) next = at(running_.begin()->first);
      if (!next || *next > at(end)) break;
      clock_->advance(*next - clock_->now());
      while (!running_.empty() && at(running_.begin()->first) <= *next) {
        rulebus::delivery done = std::move(running_.begin()->second);
        running_.erase(running_.begin());
        done.succeed();
      }
      it_->pump();
    }
    clock_->advance(at(end) - clock_->now());
  }

  const std::vector<naive::promised_schedule> all_;
  std::shared_ptr<rulebus::manual_clock> clock_ = std::make_shared<rulebus::manual_clock>();
  std::multimap<std::int64_t, rulebus::delivery> running_{};  // by when they end
  std::shared_ptr<rulebus::target> target_ = std::make_shared<keeper>(*this);
  std::optional<rulebus::scheduler> it_{};
  std::string state_{};

 public:
  std::vector<naive::promised> seen;  // by schedule
};

/// Whether every schedule did what the twin says; how many fires there were.
std::size_t check(const std::vector<naive::promised_schedule>& all, const std::vector<naive::promised_life>& lives) {
  mortal_scheduler real(all);
  real.live(lives);
  std::size_t fires = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const naive::promised expected = naive::promised_run(all[i], lives).out;
    const naive::promised& got = real.seen[i];
    fires += got.fires.size();
    if (got == expected) continue;
    const auto [mine, theirs] = std::mismatch(got.fires.begin(), got.fires.end(), expected.fires.begin(), expected.fires.end());
    const auto shown = [](auto place, auto end) {
      return place == end ? std::string("nothing") : std::to_string(place->first) + " at " + std::to_string(place->second);
    };
    const std::string fired = shown(mine, got.fires.end()), promised = shown(theirs, expected.fires.end());
    CAPTURE(all[i].expression);
    CAPTURE(all[i].zone);
    CAPTURE(all[i].catch_up);
    CAPTURE(all[i].overlap);
    CAPTURE(all[i].catch_up_window);
    CAPTURE(all[i].takes);
    CAPTURE(fired);
    CAPTURE(promised);
    CHECK((got.fires == expected.fires));
    CHECK((got.reports == expected.reports));
  }
  return fires;
}

}  // namespace

TEST_CASE("scheduler: killed and restored, each schedule fires and reports what its policies promise") {
  struct row {
    time_point start;
    const char* why;
  };
  const row rows[] = {{utc(2027, 1, 10, 5, 59, 30), "in winter"},
                      {utc(2027, 3, 14, 6, 30, 30), "half an hour before New York's clocks go forward"},
                      {utc(2027, 3, 28, 0, 30, 30), "half an hour before Kyiv's clocks go forward"},
                      {utc(2027, 11, 7, 5, 29, 59), "half an hour before New York's clocks go back"},
                      {utc(2027, 10, 31, 0, 29, 59), "half an hour before Kyiv's clocks go back"}};
  std::size_t fires = 0;
  for (const row& r : rows) {
    for (const std::int64_t stopped : {1, 3600, 30 * 86400}) {
      std::vector<naive::promised_schedule> all;
      for (const char* zone : {"UTC", "America/New_York", "Europe/Kyiv"}) {
        for (const char* expression :
             {"cron(0/20 * * * ? *)", "cron(30 0-3 * * ? *)", "rate(7 minutes)", "rate(1 day)", "cron(0 12 1,15 * ? *)"}) {
          for (const auto& [how, meant] : catch_ups) {
            for (const auto& [overlapping, its] : overlaps) {
              for (const std::int64_t window : {1800, 400 * 86400}) {
                all.push_back({expression, zone, how, overlapping, window, 1500});
              }
            }
          }
        }
      }
      CAPTURE(r.why);
      CAPTURE(stopped);
      const std::int64_t start = seconds(r.start), stop = start + 1200;
      fires += check(all, {{start, stop}, {stop + stopped, stop + stopped + 26 * 3600}});
    }
  }
  MESSAGE(fires << " fires");
}

TEST_CASE("scheduler: killed and restored at random, again and again") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  const std::vector<std::string> zones = {"UTC",          "America/New_York", "Europe/Kyiv",  "Australia/Lord_Howe",
                                          "Asia/Kolkata", "America/St_Johns", "Pacific/Apia", "Africa/Casablanca"};
  const std::vector<std::int64_t> changes = {seconds(utc(2027, 3, 14, 7)), seconds(utc(2027, 11, 7, 6)),
                                             seconds(utc(2027, 3, 28, 1)), seconds(utc(2027, 10, 31, 1)),
                                             seconds(utc(2027, 4, 3, 15)), seconds(utc(2027, 10, 2, 15))};
  const auto number = [&](std::size_t low, std::size_t high) { return std::to_string(random.between(low, high)); };
  const auto expression = [&]() -> std::string {
    switch (random.below(5)) {
      case 0: return "cron(" + number(0, 59) + " 0-4 * * ? *)";
      case 1: return "cron(0/" + number(5, 59) + " * ? * " + number(1, 7) + " *)";
      case 2: return "cron(" + number(0, 59) + "," + number(0, 59) + " " + number(0, 3) + "/" + number(1, 12) + " * * ? *)";
      case 3: return "rate(" + number(3, 200) + " minutes)";
      default: return "rate(" + number(1, 50) + " hours)";
    }
  };
  const auto span = [&]() -> std::int64_t {  // a second to a month, each order of magnitude as often as the others
    const std::int64_t most[] = {1, 59, 61, 3600, 86400, 30 * 86400};
    return static_cast<std::int64_t>(random.between(1, static_cast<std::size_t>(most[random.below(std::size(most))])));
  };
  const std::uint64_t rounds = tests::number_from_environment("RULEBUS_CASES", 60 / tests::build_slowness + 1);
  std::size_t fires = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    std::vector<naive::promised_schedule> all;
    for (int i = 0; i < 40; ++i) {
      naive::promised_schedule s{expression(), random.pick(zones)};
      s.catch_up = std::next(catch_ups.begin(), static_cast<std::ptrdiff_t>(random.below(catch_ups.size())))->first;
      s.overlap = std::next(overlaps.begin(), static_cast<std::ptrdiff_t>(random.below(overlaps.size())))->first;
      s.catch_up_window = random.percent(20) ? 0 : span();
      s.takes = span();
      all.push_back(std::move(s));
    }
    std::int64_t now = random.pick(changes) - static_cast<std::int64_t>(random.below(2 * 86400));
    std::vector<naive::promised_life> lives;
    for (std::size_t n = random.between(2, 5); n > 0; --n) {
      const std::int64_t until = now + std::min<std::int64_t>(span(), 3 * 86400);
      lives.push_back({now, until});
      now = until + span();
    }
    CAPTURE(seed);
    CAPTURE(round);
    fires += check(all, lives);
  }
  MESSAGE(fires << " fires");
}
