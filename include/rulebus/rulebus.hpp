// All of Rulebus. Reading order: result, event, pattern, matcher, explain; then rule, target, delivery, bus.
#pragma once

#include "rulebus/bus.hpp"
#include "rulebus/delivery.hpp"
#include "rulebus/event.hpp"
#include "rulebus/explain.hpp"
#include "rulebus/export.hpp"
#include "rulebus/fwd.hpp"
#include "rulebus/matcher.hpp"
#include "rulebus/pattern.hpp"
#include "rulebus/result.hpp"
#include "rulebus/rule.hpp"
#include "rulebus/target.hpp"
#include "rulebus/version.hpp"
