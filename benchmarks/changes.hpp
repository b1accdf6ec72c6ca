// changes: what adding and removing rules costs, and matching while somebody does it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "arena.hpp"

namespace benchmark {
class State;
}

namespace rulebus::bench {

/// Whose time a benchmark's is.
enum class clocked : unsigned char {
  processor,  ///< of the thread that runs it
  wall,
  itself,  ///< what it says (SetIterationTime)
};

struct named_benchmark {
  std::string name{};
  std::function<void(benchmark::State&)> run{};
  int threads = 1;
  clocked clock = clocked::processor;
  std::int64_t iterations = 0;  ///< of each repetition; 0: as many as its time allows
};

/// For the workloads of equality on two fields: add all, remove all, and one more rule added and removed among all others.
std::vector<named_benchmark> change_benchmarks(arena& a);

/// One and two matching threads, alone, with a writer that makes 1,000 changes a second, and with one that never rests.
std::vector<named_benchmark> concurrent_benchmarks(arena& a);

}  // namespace rulebus::bench
