// result<T>: a value, or an error that says what happened, in a sentence, and where in the text.
//
//   result<pattern> p = pattern::parse(text);
//   if (!p) std::cerr << p.error().message << " at line " << p.error().line << '\n';
//   pattern sure = pattern::parse(text).value();     // throws bad_result when there is no value
//
// The names are std::expected's, so that result can become an alias of it.
// Thread safety: a value type; distinct objects are independent. Cost: none beyond T and a small error.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "rulebus/fwd.hpp"

namespace rulebus::inline v1 {

/// What went wrong, as a closed list. The values are fixed: they are part of the C interface and of JSON output.
enum class errc : int {
  invalid_json = 1,       ///< text that is not JSON by RFC 8259, or has an unpaired surrogate (RFC 7493)
  invalid_pattern = 2,    ///< JSON, but not an event pattern
  invalid_event = 3,      ///< JSON, but not an event: an event is a JSON object
  limit_exceeded = 4,     ///< larger, deeper or more complex than an option allows
  not_found = 5,          ///< no rule, target or id of that name
  already_exists = 6,     ///< the name is taken
  invalid_argument = 7,   ///< a value that the operation cannot take
  malformed_detail = 8,   ///< put_events: `detail` is not a JSON object (the service's MalformedDetail)
  target_failed = 9,      ///< a target reported a failure or threw
  unsupported = 10,       ///< known, but not built in or not allowed by the options
  timed_out = 11,         ///< no answer, or no success, in the time allowed
  stopped = 12,           ///< the bus was stopped
  invalid_schedule = 13,  ///< not a schedule expression: cron, rate or at
};

/// The stable snake_case name of a code ("invalid_json"); "unknown" for a value outside the list.
constexpr const char* name(errc code) noexcept {
  switch (code) {
    case errc::invalid_json: return "invalid_json";
    case errc::invalid_pattern: return "invalid_pattern";
    case errc::invalid_event: return "invalid_event";
    case errc::limit_exceeded: return "limit_exceeded";
    case errc::not_found: return "not_found";
    case errc::already_exists: return "already_exists";
    case errc::invalid_argument: return "invalid_argument";
    case errc::malformed_detail: return "malformed_detail";
    case errc::target_failed: return "target_failed";
    case errc::unsupported: return "unsupported";
    case errc::timed_out: return "timed_out";
    case errc::stopped: return "stopped";
    case errc::invalid_schedule: return "invalid_schedule";
  }
  return "unknown";
}

/// What (a sentence for people, in the service's words where it has them) and where in the text.
struct error {
  errc code{};
  std::string message{};
  std::size_t offset = 0;  ///< bytes from the start of the text; 0 where there is no text
  std::size_t line = 0;    ///< 1-based; 0 where there is no text
  std::size_t column = 0;  ///< 1-based, in bytes; 0 where there is no text

  friend bool operator==(const error&, const error&) = default;
};

/// Thrown by result::value() when there is no value; carries the error.
class bad_result : public std::exception {
 public:
  explicit bad_result(rulebus::error e) : error_(std::move(e)) {}
  const char* what() const noexcept override { return error_.message.c_str(); }
  const rulebus::error& error() const noexcept { return error_; }

 private:
  rulebus::error error_;
};

template <class T>
class [[nodiscard]] result {
  static constexpr bool is_void = std::is_void_v<T>;
  using stored = std::conditional_t<is_void, std::monostate, T>;

 public:
  using value_type = T;
  using error_type = rulebus::error;

  result() requires(is_void) : state_(std::in_place_index<0>) {}
  template <class U = stored>
    requires(!is_void && std::is_constructible_v<stored, U&&> && !std::is_same_v<std::remove_cvref_t<U>, result> &&
             !std::is_same_v<std::remove_cvref_t<U>, rulebus::error>)
  result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT: implicit, as in std::expected
  result(rulebus::error e) : state_(std::in_place_index<1>, std::move(e)) {}     // NOLINT: implicit, so that `return error` works

  bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value; throws bad_result when there is none.
  decltype(auto) value() const& { return check(), get(); }
  T value() && {  // not a reference: `for (x : f().value())` must not outlive what it walks
    check();
    if constexpr (!is_void) return std::move(std::get<0>(state_));
  }

  /// The value, which must be there.
  const stored& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  stored& operator*() & noexcept { return *std::get_if<0>(&state_); }
  stored&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  const stored* operator->() const noexcept { return std::get_if<0>(&state_); }
  stored* operator->() noexcept { return std::get_if<0>(&state_); }

  /// The error, which must be there: check has_value() first.
  const rulebus::error& error() const& noexcept { return *std::get_if<1>(&state_); }
  rulebus::error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

  template <class U>
  stored value_or(U&& other) const& {
    return has_value() ? **this : static_cast<stored>(std::forward<U>(other));
  }

  /// f(value) when there is a value, otherwise the error; f returns a result.
  template <class F>
  auto and_then(F&& f) const& -> std::invoke_result_t<F, const stored&> {
    if (!has_value()) return error();
    return std::invoke(std::forward<F>(f), **this);
  }

 private:
  void check() const {
    if (!has_value()) throw bad_result(error());
  }
  decltype(auto) get() const& {
    if constexpr (!is_void) return static_cast<const stored&>(std::get<0>(state_));
  }

  std::variant<stored, rulebus::error> state_;
};

}  // namespace rulebus::inline v1
