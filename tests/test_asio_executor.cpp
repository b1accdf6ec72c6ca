#include "rulebus/asio_executor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bus_probe.hpp"
#include "rulebus/bus.hpp"

using namespace rulebus;
using namespace std::chrono_literals;
using probe::texts;

namespace {

const delivery_options by_executor{.dispatch = dispatch::executor};

// A bus with one rule for everything and one target.
std::unique_ptr<bus> make_bus(const std::shared_ptr<executor>& e, std::shared_ptr<target> t, const delivery_options& o) {
  auto made = std::make_unique<bus>("test", bus_options{.executor = e});
  made->put_rule(probe::from_shop("all")).value();
  made->put_target("all", {.id = "t", .target = std::move(t), .delivery = o}).value();
  return made;
}

// Fails so many times, and then stops the context.
std::shared_ptr<target> failing_first(int times, std::atomic<int>& attempts, boost::asio::io_context& io) {
  return make_target([=, &attempts, &io](const delivery&) {
    if (++attempts <= times) throw 1;
    io.stop();
  });
}

}  // namespace

TEST_CASE("asio: deliveries run in the threads that run the context, and only there") {
  boost::asio::io_context io;
  std::atomic<int> got{0};
  const auto here = std::this_thread::get_id();
  const auto b = make_bus(std::make_shared<asio_executor>(io), make_target([&](const delivery&) {
                            CHECK(std::this_thread::get_id() == here);
                            if (++got == 3) io.stop();
                          }),
                          by_executor);
  for (int i = 0; i < 3; ++i) b->put_event(probe::order()).value();
  CHECK(got == 0);
  io.run();
  CHECK(got == 3);
  CHECK(b->flush());
}

TEST_CASE("asio: retries wait for a timer of the context, however many buses share it") {
  boost::asio::io_context io;
  const auto shared = std::make_shared<asio_executor>(io);
  std::atomic<int> attempts{0}, others{0};
  delivery_options quick;
  quick.retry.backoff_base = quick.retry.backoff_cap = 3ms;
  const auto late = make_bus(shared, make_target([&](const delivery&) {
                               ++others;
                               throw 1;
                             }),
                             {.retry = {.backoff_base = 12h, .backoff_cap = 12h}});
  const auto soon = make_bus(shared, failing_first(3, attempts, io), quick);
  late->put_event(probe::order()).value();
  soon->put_event(probe::order()).value();
  CHECK(attempts == 1);
  io.run();
  CHECK(attempts == 4);
  CHECK(others == 1);
  CHECK(soon->flush());
}

TEST_CASE("asio: several threads may run the context") {
  boost::asio::io_context io;
  const auto guard = boost::asio::make_work_guard(io);
  std::atomic<int> got{0};
  const auto b = make_bus(std::make_shared<asio_executor>(io, 3), make_target([&](const delivery& d) {
                            if (++got % 7 == 0 && d.attempt() == 1) throw 1;
                          }),
                          {.dispatch = dispatch::executor, .retry = {.backoff_base = 1ms, .backoff_cap = 2ms}});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { io.run(); });
  for (int i = 0; i < 2000; ++i) b->put_event(probe::order()).value();
  CHECK(b->flush());
  CHECK(b->metrics().deliveries.successful_invocation_attempts == 2000);
  io.stop();
}

TEST_CASE("asio: when the bus goes first, what was posted does nothing and no timer stays") {
  boost::asio::io_context io;
  std::atomic<int> got{0};
  auto b = make_bus(std::make_shared<asio_executor>(io), make_target([&](const delivery&) { ++got; }), by_executor);
  b->put_event(probe::order()).value();
  auto waiting = make_bus(std::make_shared<asio_executor>(io), make_target([&](const delivery&) { throw 1; }),
                          {.retry = {.backoff_base = 12h, .backoff_cap = 12h}});
  waiting->put_event(probe::order()).value();
  b.reset();
  waiting.reset();
  const auto begin = std::chrono::steady_clock::now();
  io.run();
  CHECK(std::chrono::steady_clock::now() - begin < 10s);
  CHECK(got == 0);
}

TEST_CASE("asio: when the context goes first, the bus still delivers in the caller's thread and by pumping") {
  auto io = std::make_optional<boost::asio::io_context>();
  std::atomic<int> direct{0}, pumped{0};
  const auto e = std::make_shared<asio_executor>(*io);
  const auto a = make_bus(e, make_target([&](const delivery&) { ++direct; }), {});
  const auto b = make_bus(e, make_target([&](const delivery&) { ++pumped; }), by_executor);
  const auto waiting = make_bus(e, make_target([&](const delivery&) { throw 1; }), {});
  b->put_event(probe::order()).value();
  waiting->put_event(probe::order()).value();
  io.reset();
  a->put_event(probe::order()).value();
  b->put_event(probe::order()).value();
  CHECK(direct == 1);
  CHECK(pumped == 0);
  b->pump();
  CHECK(pumped == 2);
}

TEST_CASE("asio: context, bus and executor may go in any order while threads use them") {
  for (int round = 0; round < 50; ++round) {
    auto io = std::make_optional<boost::asio::io_context>();
    auto e = std::make_shared<asio_executor>(*io);
    auto b = make_bus(e, make_target([](const delivery& d) {
                        if (d.attempt() == 1) throw 1;
                      }),
                      {.dispatch = dispatch::executor, .retry = {.backoff_base = 1ms, .backoff_cap = 1ms}});
    e.reset();
    std::jthread runs([&] { io->run_for(2ms); });
    std::jthread puts([&] {
      for (int i = 0; i < 50; ++i) b->put_event(probe::order()).value();
    });
    runs.join();
    if (round % 2 == 0) {
      io.reset();  // while events are put
      puts.join();
      b.reset();
    } else {
      puts.join();
      b.reset();
      io.reset();
    }
  }
}
