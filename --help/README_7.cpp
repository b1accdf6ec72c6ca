#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#include <rulebus/rulebus.hpp>

#line 106 "README.md"
#include <fstream>
#include <mutex>
#include <rulebus/rulebus.hpp>

class archive_file final : public rulebus::target {
  void deliver(rulebus::delivery d) override {  // several threads may call it at once
    const std::lock_guard lock(mutex_);
    if (file_ << d.input() << '\n') {
      d.succeed();
    } else {
      d.retry({rulebus::errc::target_failed, "the file cannot be written"});
    }
  }
  std::mutex mutex_;
  std::ofstream file_{"events.jsonl", std::ios::app};
};

int main() {}
