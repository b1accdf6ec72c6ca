// delivery: what it costs to bring an event that matched to its targets, and what other targets, dead or idle, cost those.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "changes.hpp"

namespace rulebus::bench {

// Named delivery.<workload>/<contender>. `only` selects workloads, as for the others; `at_most` shortens each, for a quick look.
// After every pass what arrived is counted; a benchmark whose counts are wrong fails.

/// In the caller's thread, through the pool, to many targets, beside a dead target, and targets that only are there.
std::vector<named_benchmark> delivery_benchmarks(const std::string& only, std::size_t at_most);
/// The targets in the box.
std::vector<named_benchmark> boxed_target_benchmarks(const std::string& only, std::size_t at_most);

/// Names of the workloads of both.
std::vector<std::string> delivery_workloads();

}  // namespace rulebus::bench
