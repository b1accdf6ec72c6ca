#include "rulebus/delivery.hpp"

#include <fmt/format.h>

#include <new>
#include <utility>

#include "rulebus/dead_letter.hpp"
#include "rulebus/delivery_options.hpp"
#include "rulebus/detail/dispatcher.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/lane.hpp"

namespace rulebus::inline v1 {

namespace detail {

namespace delivery_source {

/// Tells the threads that are there from each other.
const void* this_thread() noexcept {
  thread_local const char here = 0;
  return &here;
}

/// Of text.
std::size_t bytes(const entry_extras* extras) noexcept {
  if (!extras) return 0;
  std::size_t sum = extras->ordering_key.size() + extras->trace_header.size() + extras->traceparent.size();
  for (const std::string& arn : extras->via) sum += sizeof(std::string) + arn.size();
  return sum;
}

}  // namespace delivery_source

invocation::invocation(rulebus::event e, counted_ptr<lane> l, std::shared_ptr<const entry_extras> extras) noexcept
    : answerable(std::move(e)),
      to(std::move(l)),
      extras_(std::move(extras)),
      made_by_(delivery_source::this_thread()),
      small_(event().json().size() + delivery_source::bytes(extras_.get()) <= small) {}
invocation::~invocation() = default;

void invocation::dispose() noexcept {
  const bool spare = small_ && (!own_input || own_input->size() <= small);
  if (made_by_ != delivery_source::this_thread() && !of && !origin && spare) {
    const counted_ptr<lane> last = std::move(to);  // what is spent keeps no lane, nor the dispatcher that it is in
    last_error.reset();
    if (last->in().spent().keep(*this)) return;
  }
  delete this;
}

delivery_details invocation::details() const noexcept {
  const lane::identity& who = to->who();
  delivery_details d{.bus_name = to->in().configuration().bus_name,
                     .bus_arn = to->in().configuration().bus_arn,
                     .rule_name = *who.rule_name,
                     .target_id = who.target_id,
                     .target_arn = who.arn ? std::string_view(*who.arn) : std::string_view(),
                     .attributes = attributes.get()};
  if (extras_) {
    d.ordering_key = extras_->ordering_key;
    d.trace_header = extras_->trace_header;
    d.traceparent = extras_->traceparent;
    d.via = extras_->via;
  }
  if (of) {
    d.rule_name = of->schedule;
    d.schedule_arn = of->arn;
    d.scheduled_time = of->time;
    d.execution_id = of->execution_id;
  }
  return d;
}

void invocation::answer(std::uint32_t attempt, delivery_outcome&& outcome) {
  if (outcome.dropped && state.drop(attempt)) return;
  to->answered(*this, attempt, std::move(outcome));
}

delivery_outcome outcome_of_drop() noexcept {
  delivery_outcome o{error{errc::target_failed, "dropped"}, true, true};  // short enough to need no memory
  try {
    o.status = error{errc::target_failed, "the target dropped the delivery without an answer"};
  } catch (const std::bad_alloc&) {  // NOLINT: as above
  }
  return o;
}

namespace delivery_source {

/// One attempt of an invocation whose input tells its number.
class numbered final : public answerable {
 public:
  numbered(counted_ptr<invocation> of, std::uint32_t attempt) : answerable(of->event()), of_(std::move(of)) {
    const std::string number = std::to_string(attempt);
    input_ = of_->of->numbered_input;
    for (std::size_t at = 0; (at = input_.find(occasion::attempt_number, at)) != std::string::npos; at += number.size()) {
      input_.replace(at, occasion::attempt_number.size(), number);
    }
  }
  std::string_view input() const noexcept override { return input_; }
  delivery_details details() const noexcept override { return of_->details(); }
  void answer(std::uint32_t attempt, delivery_outcome&& outcome) override { of_->answer(attempt, std::move(outcome)); }

 private:
  const counted_ptr<invocation> of_;
  std::string input_;
};

/// What a delivery for a test is of.
class standalone final : public answerable {
 public:
  standalone(rulebus::event e, std::string rule_name, std::string target_id, std::function<void(const delivery_outcome&)> to)
      : answerable(std::move(e)), rule_name_(std::move(rule_name)), target_id_(std::move(target_id)), to_(std::move(to)) {}
  delivery_details details() const noexcept override { return {.rule_name = rule_name_, .target_id = target_id_}; }
  void answer(std::uint32_t, delivery_outcome&& outcome) override {
    if (to_) to_(outcome);
  }

 private:
  std::string rule_name_, target_id_;
  std::function<void(const delivery_outcome&)> to_;
};

}  // namespace delivery_source

counted_ptr<answerable> invocation::for_attempt(std::uint32_t attempt) {
  if (!of || origin || of->numbered_input.empty()) return counted_ptr<answerable>(this);
  return counted_ptr<answerable>(new delivery_source::numbered(counted_ptr<invocation>(this), attempt));
}

}  // namespace detail

delivery::delivery(rulebus::event e, std::string rule_name, std::string target_id, std::function<void(const outcome&)> on_answer)
    : of_(new detail::delivery_source::standalone(std::move(e), std::move(rule_name), std::move(target_id),
                                                  std::move(on_answer))) {}

void delivery::drop() noexcept {
  try {
    give(detail::outcome_of_drop());
  } catch (...) {  // NOLINT: a destructor has nobody to tell
  }
}

std::optional<dead_letter> as_dead_letter(const delivery& d) {
  const delivery_details of = d.details();
  if (!of.attributes) return std::nullopt;
  return dead_letter{.event = d.event(),
                     .attributes = *of.attributes,
                     .ordering_key = std::string(of.ordering_key),
                     .trace_header = std::string(of.trace_header),
                     .traceparent = std::string(of.traceparent),
                     .via = {of.via.begin(), of.via.end()}};
}

result<void> check(const delivery_options& o) {
  const auto wrong = [](std::string_view member, std::string_view range) {
    return error{errc::invalid_argument, fmt::format("{} must be {}", member, range)};
  };
  if (o.retry.maximum_retry_attempts > 185) return wrong("maximum_retry_attempts", "0 to 185");
  if (o.retry.maximum_event_age.count() < 60 || o.retry.maximum_event_age.count() > 86400) {
    return wrong("maximum_event_age", "60 to 86400 seconds");
  }
  if (o.retry.backoff_base.count() < 0) return wrong("backoff_base", "0 or more");
  if (o.retry.backoff_cap < o.retry.backoff_base) return wrong("backoff_cap", "backoff_base or more");
  if (o.timeout.count() < 0 || o.timeout > std::chrono::hours(24)) return wrong("timeout", "0 (none) to 24 hours");
  if (o.queue_capacity == 0) return wrong("queue_capacity", "1 or more");
  if (o.max_in_flight == 0) return wrong("max_in_flight", "1 or more");
  if (!(o.rate.per_second >= 0) || o.rate.per_second > 1e9) return wrong("rate.per_second", "0 (no limit) to 1e9");
  if (!(o.rate.burst >= 1) || o.rate.burst > 1e9) return wrong("rate.burst", "1 to 1e9");
  if (o.breaker.open_for.count() < 0 || o.breaker.open_for > std::chrono::hours(24)) {
    return wrong("breaker.open_for", "0 to 24 hours");
  }
  if (o.batch.size == 0 || o.batch.size > 10'000) return wrong("batch.size", "1 to 10000");
  if (o.batch.window.count() < 0 || o.batch.window > std::chrono::hours(1)) return wrong("batch.window", "0 to 1 hour");
  if (o.batch.size > o.queue_capacity) return wrong("batch.size", "at most queue_capacity");
  return {};
}

}  // namespace rulebus::inline v1
