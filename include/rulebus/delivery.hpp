// delivery: one attempt to give one event to one target.
//
// A target receives it by value and answers it once: succeed(), retry(error) or fail(error).
// Thread safety: move-only; used by one thread at a time. Lifetime: self-contained, it shares the event.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "rulebus/event.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

class delivery {
 public:
  /// What became of it: success, or the error and whether another attempt makes sense.
  struct outcome {
    result<void> status{};
    bool retryable = false;
    bool dropped = false;  ///< the delivery was destroyed without an answer
  };
  using answer = std::function<void(const outcome&)>;

  delivery(rulebus::event e, std::string rule_name, std::string target_id, answer on_answer)
      : event_(std::move(e)), rule_name_(std::move(rule_name)), target_id_(std::move(target_id)), answer_(std::move(on_answer)) {}
  delivery(delivery&& other) noexcept
      : event_(std::move(other.event_)),
        rule_name_(std::move(other.rule_name_)),
        target_id_(std::move(other.target_id_)),
        answer_(std::exchange(other.answer_, nullptr)) {}
  delivery& operator=(delivery&&) = delete;
  /// A delivery that nobody answered counts as a retry.
  ~delivery() {
    try {
      if (answer_) give({error{errc::target_failed, "the target dropped the delivery without an answer"}, true, true});
    } catch (...) {  // NOLINT: a destructor has nobody to tell
    }
  }

  std::string_view input() const noexcept {
    return event_.json();
  }                                                                ///< what to deliver: JSON text, valid as long as the delivery
  const rulebus::event& event() const noexcept { return event_; }  ///< the event itself
  std::string_view rule_name() const noexcept { return rule_name_; }
  std::string_view target_id() const noexcept { return target_id_; }

  // The answer. The first one counts; later ones do nothing.
  void succeed() { give({}); }
  void retry(error e) { give({std::move(e), true}); }
  void fail(error e) { give({std::move(e), false}); }

 private:
  void give(const outcome& o) {
    if (auto once = std::exchange(answer_, nullptr)) once(o);
  }

  rulebus::event event_;
  std::string rule_name_, target_id_;
  answer answer_;
};

/// A delivery that did not succeed; valid for the call.
struct delivery_failure {
  std::string_view rule_name;
  std::string_view target_id;
  const rulebus::event& event;
  const error& reason;
  bool retryable;  ///< another attempt makes sense: the target asked for it, threw, or dropped the delivery
};

}  // namespace rulebus::inline v1
