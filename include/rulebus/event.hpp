// event: one JSON object, checked once, never changed afterwards.
//
//   auto e = rulebus::event::parse(R"({"source": "shop", "detail-type": "OrderPlaced", "detail": {"total": 250}})");
//   e->source();                    // "shop"
//   e->detail();                    // {"total": 250}, as written
//
// An event may have EventBridge's envelope (version, id, detail-type, source, account, time, region, resources, detail) or
// be any other JSON object: absent members read as empty.
// Thread safety: immutable; copies share one text. Lifetime: views returned live as long as any copy of the event.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

/// How events are read.
struct event_options {
  std::size_t max_bytes = std::size_t{16} << 20;  ///< of one event; at most 4 GiB - 1
  std::size_t max_depth = 1000;                   ///< nested objects and arrays (the service takes 1000)
  /// false: the whole event is checked to be valid JSON and UTF-8, whatever the rules look at.
  /// true: the caller vouches for it, and for no key occurring twice in one object (nor once dotted and once nested).
  /// Reading stops at the last field that a rule needs; what an invalid event then gives (an error or some set of rules) is
  /// not specified, but it stays safe.
  bool trusted = false;
  /// Steps that one event may take to find leaves that agree on array positions, over all rules. Only an event that repeats
  /// keys so as to provoke it comes near; over it, match answers errc::limit_exceeded.
  std::size_t max_array_steps = std::size_t{1} << 22;
};

class event {
 public:
  /// Checks the whole text. Errors: errc::invalid_json, errc::invalid_event, errc::limit_exceeded.
  RULEBUS_API static result<event> parse(std::string json, const event_options& options = {});

  /// For a text that is known to be a valid event: nothing is checked, and nothing read before it is asked for.
  RULEBUS_API static event checked(std::string json);

  std::string_view json() const noexcept { return body_->json; }  ///< the text, as given

  // Members of the envelope, read when the first of them is asked for (which may throw std::bad_alloc).
  // Strings come decoded; empty when absent or not a string.
  std::string_view id() const { return envelope().id; }
  std::string_view source() const { return envelope().source; }
  std::string_view detail_type() const { return envelope().detail_type; }
  std::string_view account() const { return envelope().account; }
  std::string_view region() const { return envelope().region; }
  std::string_view time() const { return envelope().time; }
  // Members of the envelope as JSON text; empty when absent.
  std::string_view resources() const { return envelope().resources; }
  std::string_view detail() const { return envelope().detail; }

 private:
  struct members {
    std::string id, source, detail_type, account, region, time;
    std::string_view resources, detail;  // into json
  };
  struct body {
    explicit body(std::string text) : json(std::move(text)) {}
    const std::string json;
    mutable std::once_flag read{};
    mutable std::unique_ptr<const members> envelope{};  // written once, by who comes first: mostly nobody does
  };
  explicit event(std::shared_ptr<const body> b) : body_(std::move(b)) {}
  RULEBUS_API const members& envelope() const;
  static std::unique_ptr<const members> read(std::string_view json, const event_options& options);  // null: not valid

  std::shared_ptr<const body> body_;
};

}  // namespace rulebus::inline v1
