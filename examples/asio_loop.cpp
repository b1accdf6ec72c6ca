// A bus on a Boost.Asio io_context: its deliveries, retries and timeouts run between the program's other handlers.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <rulebus/asio_executor.hpp>
#include <rulebus/rulebus.hpp>
#include <string>

using namespace std::chrono_literals;

int main() {
  boost::asio::io_context io;
  rulebus::bus bus("ticks", {.delivery = {.dispatch = rulebus::dispatch::executor, .retry = {.backoff_base = 2ms}},
                             .executor = std::make_shared<rulebus::asio_executor>(io)});
  bus.put_rule({.name = "all", .event_pattern = R"({"source": ["timer"]})"}).value();
  int got = 0;
  bus.put_target("all", {.id = "print", .target = rulebus::make_target([&](const rulebus::delivery& d) {
                                          if (d.attempt() == 1) throw 1;  // comes again, from a timer of the context
                                          std::cout << "tick " << d.event().detail() << '\n';
                                          if (++got == 3) io.stop();
                                        })})
      .value();

  boost::asio::steady_timer timer(io, 1ms);
  int ticks = 0;
  const std::function<void(const boost::system::error_code&)> tick = [&](const boost::system::error_code& failed) {
    if (failed || ticks == 3) return;
    bus.put_event({.source = "timer", .detail_type = "Tick", .detail = R"({"n": )" + std::to_string(++ticks) + "}"}).value();
    timer.expires_after(1ms);
    timer.async_wait(tick);
  };
  timer.async_wait(tick);
  io.run();
  return got == 3 ? 0 : 1;
}
