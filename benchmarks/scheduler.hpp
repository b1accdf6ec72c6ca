// scheduler: a million schedules, what a tick costs among them, a year in virtual time, and how late fires are in real time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "changes.hpp"

namespace rulebus::bench {

/// Named scheduler.<workload>/<what>. `only` and `at_most` as for the others (delivery.hpp). Fires are counted, and those of
/// the year are compared with the list that the tests' slow twin makes.
std::vector<named_benchmark> scheduler_benchmarks(const std::string& only, std::size_t at_most);

/// Names of the workloads.
std::vector<std::string> scheduler_workloads();

}  // namespace rulebus::bench
