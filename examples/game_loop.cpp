// A bus in a game's loop: no threads, time of the game's own, and at most so much work in a frame. Pausing the game pauses what
// the bus waits for, and the same seed gives the same game.
#include <chrono>
#include <iostream>
#include <memory>
#include <rulebus/rulebus.hpp>
#include <string>

using namespace std::chrono_literals;

namespace {

// Opens when the third try succeeds: it is stuck. The retries are the bus's.
class door final : public rulebus::target {
 public:
  void deliver(rulebus::delivery d) override {
    if (d.attempt() < 3) return d.retry({rulebus::errc::target_failed, "it is stuck"}, 500ms);
    open_ = true;
    d.succeed();
  }
  bool open() const { return open_; }

 private:
  bool open_ = false;
};

}  // namespace

int main() {
  const auto time = std::make_shared<rulebus::manual_clock>();
  rulebus::bus bus("dungeon", {.delivery = {.dispatch = rulebus::dispatch::executor},
                               .clock = time,
                               .executor = rulebus::make_manual_executor(),
                               .seed = 7});
  const auto stuck = std::make_shared<door>();
  int crowd = 0;
  bus.put_rule({.name = "lever", .event_pattern = R"({"detail-type": ["Pulled"], "detail": {"lever": ["left"]}})"}).value();
  bus.put_target("lever", {.id = "door", .target = stuck}).value();
  bus.put_rule({.name = "noise", .event_pattern = R"({"detail-type": ["Pulled", "Step"]})"}).value();
  bus.put_target("noise", {.id = "crowd", .target = rulebus::make_target([&](const rulebus::delivery&) { ++crowd; })}).value();

  int opened_in = 0;
  for (int frame = 1; frame <= 120 && opened_in == 0; ++frame) {
    if (frame == 10) bus.put_event({.source = "hero", .detail_type = "Pulled", .detail = R"({"lever": "left"})"}).value();
    bus.put_event({.source = "hero", .detail_type = "Step", .detail = "{}"}).value();
    if (frame != 30) time->advance(16ms);  // paused in frame 30
    bus.pump(100, 2ms);                    // at most 100 deliveries, for about 2 ms
    if (stuck->open()) opened_in = frame;
  }
  std::cout << "the door opened in frame " << opened_in << "; the crowd heard " << crowd << " noises\n";
  return opened_in == 75 && crowd == opened_in + 1 ? 0 : 1;  // tries in frames 10, 43 and 75
}
