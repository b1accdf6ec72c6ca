// transformer: what a target is given instead of the event. EventBridge's Input, InputPath and InputTransformer, compiled.
//
//   auto t = rulebus::transformer::parse({.input_transformer = {{{{"who", "$.detail.name"}}, R"({"hello": <who>})"}}},
//   "greeter"); std::string buffer;                                                   // one for each thread, reused auto made =
//   t->transform(event_json, {.rule_name = "greet"}, buffer); if (made->dropped()) … made->reason … else … made->input … //
//   {"hello":"Ada"}
//
// The language, with what is EventBridge's and what is our choice, is in docs/transformers.md.
// Thread safety: immutable after parse; copies share one compiled form, and any number of threads may transform at once.
// Cost: parse is linear in its texts, times the number of nested steps of paths. transform reads the event once for all
// variables, and not at all when none is used; then it costs what it writes. It allocates for the buffer only, as far as that
// has to grow (each thread also keeps 16 bytes for each path step of the largest transformer that it used).
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"

namespace rulebus::inline v1 {

namespace detail {
struct transformer_program;
}

/// Variables, each taken from the event by a path, and a text with <variables> in it.
struct input_transformer {
  std::map<std::string, std::string, std::less<>> input_paths_map{};  ///< variable → path: {"who", "$.detail.name"}
  std::string input_template{};  ///< JSON with variables where values stand, or one quoted text a line

  friend bool operator==(const input_transformer&, const input_transformer&) = default;
};

/// What a target gets; at most one of the three. None: the event itself.
struct target_input {
  std::optional<std::string> input{};       ///< JSON text, always the same
  std::optional<std::string> input_path{};  ///< the part of the event at this path: "$.detail"
  std::optional<rulebus::input_transformer> input_transformer{};

  friend bool operator==(const target_input&, const target_input&) = default;
};

/// Limits, and an addition to the language. By default nothing but memory limits the size of texts.
struct transformer_options {
  static constexpr std::size_t no_limit = ~std::size_t{0};
  std::size_t max_input_characters = no_limit;     ///< of `input`; the service takes 8,192
  std::size_t max_template_characters = no_limit;  ///< of `input_template`; the service takes 8,192
  std::size_t max_path_characters = no_limit;      ///< of each path; the service takes 256
  std::size_t max_variables = no_limit;            ///< of `input_paths_map`; the service takes 100
  std::size_t max_depth = 1000;                    ///< nested objects and arrays in `input` and `input_template`
  /// Also $.detail['any key'], where the service knows dots only.
  bool allow_quoted_names = false;

  /// The service's own limits.
  static transformer_options aws() { return {8192, 8192, 256, 100}; }
};

/// What is known beside the event: the values of reserved variables.
struct transform_context {
  std::string_view rule_name{};       ///< <aws.events.rule-name>
  std::string_view rule_arn{};        ///< <aws.events.rule-arn>
  std::string_view ingestion_time{};  ///< <aws.events.event.ingestion-time>, as text: 2026-11-23T08:00:00Z
};

/// What became of one event: what to deliver, or why nothing can be.
struct transformed {
  std::string_view input{};   ///< what to deliver; a view of the event, of the transformer or of the buffer
  std::string_view reason{};  ///< why there is nothing to deliver, as a sentence; a view of the transformer

  bool dropped() const noexcept { return !reason.empty(); }
};

class transformer {
 public:
  /// The identity: the event as it is.
  RULEBUS_API transformer();

  /// Validates and compiles; `target_id` is what errors call the target. Errors, in the service's words where they are known:
  /// errc::invalid_argument (more than one of the three; an invalid path, variable name, template or placeholder),
  /// errc::invalid_json (`input` is not JSON), errc::limit_exceeded. The place is that in the text which the message names.
  RULEBUS_API static result<transformer> parse(const target_input& from, std::string_view target_id,
                                               const transformer_options& options = {});

  /// True when transform hands on the event untouched.
  bool is_identity() const noexcept { return program_ == nullptr; }

  /// `event_json` must be a JSON object that was checked (event::json(); what matcher::reader took). What is no such thing is
  /// read safely and gives errc::invalid_event or anything. `buffer` is overwritten; the answer lives as long as the event's
  /// text, this transformer and the untouched buffer.
  RULEBUS_API result<transformed> transform(std::string_view event_json, const transform_context& context,
                                            std::string& buffer) const;

 private:
  explicit transformer(std::shared_ptr<const detail::transformer_program> program) : program_(std::move(program)) {}
  std::shared_ptr<const detail::transformer_program> program_;  // null: the identity
};

/// What a dry run answers.
struct transform_answer {
  std::optional<std::string> input{};  ///< what would be delivered
  std::string reason{};                ///< or why nothing would be
};

/// A dry run: parses, checks the event, and transforms it. Errors: those of transformer::parse, and those of an event that is
/// not valid (errc::invalid_json, errc::invalid_event, errc::limit_exceeded). For more than a few events, keep a transformer.
RULEBUS_API result<transform_answer> transform(const target_input& from, std::string_view event_json,
                                               const transform_context& context = {}, std::string_view target_id = "target",
                                               const transformer_options& options = {});

}  // namespace rulebus::inline v1
