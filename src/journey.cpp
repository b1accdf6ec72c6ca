#include "rulebus/journey.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/utc_text.hpp"

namespace rulebus::inline v1 {

namespace detail::journey_source {

/// RFC 3339 with milliseconds.
std::string text_of(time_point t) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(t - seconds);
  std::string text = utc_text(seconds.time_since_epoch().count());
  text.pop_back();  // the Z
  return text + fmt::format(".{:03}Z", milliseconds.count());
}

void append_member(std::string& json, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  json += fmt::format(",\"{}\":", name);
  append_json_string(json, value);
}

}  // namespace detail::journey_source

std::string to_string(const journey_step& step) {
  std::string text = fmt::format("{} {}", detail::journey_source::text_of(step.time), name(step.type));
  if (!step.rule_name.empty()) text += fmt::format(" rule {}", step.rule_name);
  if (!step.target_id.empty()) text += fmt::format(", target {}", step.target_id);
  if (step.attempt != 0) text += fmt::format(", attempt {}", step.attempt);
  if (!step.message.empty()) text += fmt::format(": {}", step.message);
  return text;
}

std::string to_json(const journey_step& step) {
  using detail::journey_source::append_member;
  std::string json = fmt::format(R"({{"time":"{}","type":"{}")", detail::journey_source::text_of(step.time), name(step.type));
  append_member(json, "event_id", step.event_id);
  append_member(json, "rule", step.rule_name);
  append_member(json, "target", step.target_id);
  if (step.attempt != 0) json += fmt::format(R"(,"attempt":{})", step.attempt);
  if (!step.message.empty()) append_member(json, "error", name(step.code));
  append_member(json, "message", step.message);
  return json + '}';
}

journey_recorder::journey_recorder(std::size_t capacity, std::shared_ptr<observer> next)
    : capacity_(std::max<std::size_t>(1, capacity)), next_(std::move(next)) {}

void journey_recorder::observe(const log_record& record) {
  journey_step step{.type = record.type,
                    .time = record.time,
                    .event_id = std::string(record.event_id),
                    .rule_name = std::string(record.rule_name),
                    .target_id = std::string(record.target_id),
                    .attempt = record.attempt};
  if (record.reason) {
    step.code = record.reason->code;
    step.message = record.reason->message;
  }
  {
    const std::lock_guard lock(mutex_);
    if (ring_.size() < capacity_) {
      ring_.push_back(std::move(step));
    } else {
      std::swap(ring_[oldest_], step);
      oldest_ = (oldest_ + 1) % capacity_;
    }
  }
  if (next_) next_->observe(record);
}

template <class Want>
std::vector<journey_step> journey_recorder::kept(Want want) const {
  std::vector<journey_step> found;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const journey_step& step = ring_[(oldest_ + i) % ring_.size()];
    if (want(step)) found.push_back(step);
  }
  return found;
}

std::vector<journey_step> journey_recorder::journey(std::string_view event_id) const {
  return kept([&](const journey_step& step) { return step.event_id == event_id; });
}

std::vector<journey_step> journey_recorder::steps() const {
  return kept([](const journey_step&) { return true; });
}

}  // namespace rulebus::inline v1
