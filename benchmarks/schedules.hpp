// schedules: what it costs to ask a schedule expression for an instant, and to parse one.
#pragma once

#include <string>
#include <vector>

#include "changes.hpp"

namespace rulebus::bench {

/// Expressions that fire often, seldom and never, in UTC and in a zone whose clocks change. Named schedule.<workload>/<what>;
/// an item is one instant (or one text parsed). `only` selects workloads, as for the others. The first instants of each are
/// compared with those of the tests' slow twin before; throws when they differ.
std::vector<named_benchmark> schedule_benchmarks(const std::string& only);

/// Names of the workloads.
std::vector<std::string> schedule_workloads();

}  // namespace rulebus::bench
