// Forward declarations of the public types, for headers that only name them.
#pragma once

namespace rulebus::inline v1 {

enum class errc : int;
enum class rule_id : unsigned long long;
struct error;
template <class T>
class result;

class event;
class pattern;
class matcher;
class bus;
class service;
class target;
class delivery;
class time_zone;
class schedule_expression;
struct event_options;
struct pattern_options;
struct matcher_options;

}  // namespace rulebus::inline v1
