// A worker queue: events wait in a queue_target, worker threads fetch them, and what they cannot do ends among the dead letters,
// from where it is sent back once the trouble is over.
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <mutex>
#include <rulebus/rulebus.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::atomic<bool> printer_has_paper{false};

// The work itself; false: it could not be done now.
bool print(const rulebus::queue_message& job) {
  static std::mutex one_at_a_time;
  if (job.event().detail_type() == "Poster" && !printer_has_paper) return false;
  const std::lock_guard lock(one_at_a_time);
  std::cout << "printed " << job.event().detail() << '\n';
  return true;
}

void work(const std::stop_token& stop, rulebus::queue_target& jobs) {
  while (!stop.stop_requested()) {
    for (const rulebus::queue_message& job : jobs.receive(10, 20s, stop)) {
      if (print(job)) {
        jobs.acknowledge(job.receipt()).value();  // done, and gone
      } else {
        jobs.release(job.receipt()).value();  // for somebody else, or for later; the third time to the dead letters
      }
    }
  }
}

void wait_until(auto done) {
  while (!done()) std::this_thread::sleep_for(1ms);
}

}  // namespace

int main() {
  const auto failed = std::make_shared<rulebus::queue_target>();
  const auto jobs = std::make_shared<rulebus::queue_target>(rulebus::queue_options{.max_receives = 3, .dead_letters = failed});

  rulebus::bus bus("office");
  bus.put_rule({.name = "print", .event_pattern = R"({"source": ["office"]})"}).value();
  bus.put_target("print", {.id = "printer", .target = jobs, .dead_letter = failed}).value();

  std::vector<std::jthread> workers;
  for (int i = 0; i < 2; ++i) workers.emplace_back([&](const std::stop_token& stop) { work(stop, *jobs); });

  for (const char* type : {"Letter", "Poster", "Letter"}) {
    bus.put_event({.source = "office", .detail_type = type, .detail = R"({"pages": 2})"}).value();
  }
  wait_until([&] { return failed->depth().visible == 1; });
  std::cout << "not printed: " << failed->peek().front().attributes().at("ERROR_MESSAGE") << '\n';

  printer_has_paper = true;
  const auto again = failed->redrive(bus, R"({"detail-type": ["Poster"]})").value();
  wait_until([&] { return jobs->depth() == rulebus::queue_depth{} && failed->depth() == rulebus::queue_depth{}; });
  return again.redriven == 1 ? 0 : 1;
}
