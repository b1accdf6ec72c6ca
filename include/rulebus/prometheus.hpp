// prometheus: the metrics of a bus as one text, for a scrape: bus, rules and targets as labels.
//
//   # TYPE rulebus_invocations_total counter
//   rulebus_invocations_total{bus="orders",rule="big",target="print"} 17
//
// Source: Prometheus exposition format 0.0.4, content type "text/plain; version=0.0.4".
#pragma once

#include <string>

#include "rulebus/export.hpp"

namespace rulebus::inline v1 {

class bus;

/// Every family once, with HELP and TYPE, in a stable order. Thread safety: as the bus. Cost: a lock for each target.
RULEBUS_API std::string prometheus_text(const bus& of);

}  // namespace rulebus::inline v1
