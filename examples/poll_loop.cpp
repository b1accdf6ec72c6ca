// A bus in a loop around poll(): the executor's descriptor is readable when something is due, beside whatever else the loop waits
// for, here the end of a pipe. POSIX.
#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <rulebus/rulebus.hpp>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int main() {
  const auto executor = rulebus::make_manual_executor();
  rulebus::bus bus("lines", {.executor = executor});
  int attempts = 0, done = 0;
  bus.put_rule({.name = "all", .event_pattern = R"({"source": ["pipe"]})"}).value();
  bus.put_target("all", {.id = "slow",
                         .target = rulebus::make_target([&](const rulebus::delivery& d) {
                           ++attempts;
                           if (d.attempt() == 1) throw 1;  // a retry
                           std::cout << "got " << d.event().detail() << '\n';
                           ++done;
                         }),
                         .delivery = rulebus::delivery_options{.retry = {.backoff_base = 5ms}}})
      .value();

  int ends[2];
  if (pipe(ends) != 0) return 1;
  std::jthread writer([&] {
    for (const char* line : {"1", "2", "3"}) {
      std::this_thread::sleep_for(2ms);
      if (write(ends[1], line, 1) != 1) return;
    }
  });

  pollfd both[] = {{ends[0], POLLIN, 0}, {executor->descriptor(), POLLIN, 0}};
  while (done < 3) {
    if (poll(both, 2, 10'000) <= 0) return 1;
    if (both[0].revents != 0) {
      char byte = 0;
      if (read(ends[0], &byte, 1) != 1) return 1;
      const std::string detail = std::string(R"({"byte": )") + byte + "}";
      bus.put_event({.source = "pipe", .detail_type = "Byte", .detail = detail}).value();
    }
    if (both[1].revents != 0) {
      executor->acknowledge();
      bus.pump();
    }
  }
  close(ends[0]);
  close(ends[1]);
  return attempts == 6 ? 0 : 1;
}
