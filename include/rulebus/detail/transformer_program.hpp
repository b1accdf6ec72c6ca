// transformer_program: the compiled form of a target's input.
//
// The paths of all variables become one trie, so that one walk over the event finds all of them (transformer_walk.hpp). A node's
// number is its place in a walk down the trie from the left; so a node and all below it are one range of numbers, and one
// range of found values. What a path has from its first wildcard on is applied to what was found before it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/result.hpp"
#include "rulebus/transformer.hpp"

namespace rulebus::inline v1::detail {

/// One step of a path: .name, [3], or .* and [*].
struct path_step {
  enum class kind : std::uint8_t { name, index, every };
  kind type = kind::name;
  std::string name{};
  std::uint32_t index = 0;

  friend bool operator==(const path_step&, const path_step&) = default;
};

/// The steps behind the $. Errors: errc::invalid_argument or errc::limit_exceeded, with the reason alone, and its place.
result<std::vector<path_step>> parse_path(std::string_view path, const transformer_options& options);

struct path_trie_node {
  struct edge {
    path_step step;
    std::uint32_t child;
  };
  std::vector<edge> members{};   // by name
  std::vector<edge> elements{};  // by index
  std::uint32_t end = 0;         // one past the last node below this one
  bool is_wanted = false;        // some path ends here, or has its first wildcard here
};

/// A value of the event: what was found at a node and, where `rest` is not empty, a list of what is further down from there.
struct selector {
  std::uint32_t node = 0;
  std::vector<path_step> rest{};  // begins with a wildcard
};

enum class piece_source : std::uint8_t { path, rule_name, rule_arn, ingestion_time, envelope, event_json };

/// Where a placeholder stands, which decides how a value is written there.
enum class piece_place : std::uint8_t {
  value,        // a value of a JSON template
  json_string,  // inside a string of a JSON template
  text,         // inside a line of a text template
};

/// Some literal text, and behind it a value.
struct template_piece {
  std::string literal{};
  piece_source source = piece_source::path;
  piece_place place = piece_place::value;
  std::uint32_t selector = 0;  // for piece_source::path
  std::string drop_reason{};   // for piece_place::json_string: why a container cannot stand here
};

/// What <aws.events.event> has, in its order: the event's name for it, and the name that it gets.
struct envelope_member {
  std::string_view name, written;
};
inline constexpr std::array<envelope_member, 8> envelope_members{{{"id", "id"},
                                                                  {"account", "account"},
                                                                  {"detail-type", "detailType"},
                                                                  {"time", "time"},
                                                                  {"source", "source"},
                                                                  {"region", "region"},
                                                                  {"resources", "resources"},
                                                                  {"version", "version"}}};

struct transformer_program {
  enum class kind : std::uint8_t { constant, path, pieces };
  kind type = kind::constant;
  std::string constant{};               // what is delivered; for pieces: the text behind the last; for a path: why it drops
  std::vector<path_trie_node> nodes{};  // the root is the first; none when no path is used
  std::vector<selector> selectors{};    // of a path: one
  std::vector<template_piece> pieces{};
  std::array<std::uint32_t, envelope_members.size()> envelope{};  // their selectors, where a piece has that source
};

/// Puts paths into the program's trie and selectors.
class program_paths {
 public:
  explicit program_paths(transformer_program& program) : program_(program) {}
  /// The number of the selector.
  std::uint32_t add(const std::vector<path_step>& steps);
  /// To be called once, when all were added: brings the nodes into their order.
  void finish();

 private:
  std::uint32_t child(std::uint32_t node, const path_step& step);
  std::uint32_t copy(std::uint32_t from, std::vector<path_trie_node>& to, std::vector<std::uint32_t>& number) const;
  transformer_program& program_;
};

/// Compiles the template into the program. Errors: as transformer::parse.
result<void> compile_template(const input_transformer& from, std::string_view target_id, const transformer_options& options,
                              transformer_program& out);

/// "InputPath for target … is invalid. Reason: …"
error invalid_path(const error& reason, std::string_view target_id);

/// errc::limit_exceeded in the service's words when a text has more characters than allowed. `member` is the service's name
/// for it.
result<void> check_text_length(std::string_view text, std::size_t most, std::string_view member);

}  // namespace rulebus::inline v1::detail
