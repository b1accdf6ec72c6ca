// configuration_document: a configuration as values, between the text and a service: read from JSON with the place of
// everything, and written in canonical form.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/delivery_options.hpp"
#include "rulebus/result.hpp"
#include "rulebus/rule.hpp"
#include "rulebus/transformer.hpp"

namespace rulebus::inline v1::detail {

enum class target_type : std::uint8_t { by_arn, standard_output, file, queue, null, bus };

/// Where events go: a type with its parameters, or an ARN alone.
struct target_description {
  target_type type = target_type::by_arn;
  std::string arn{};
  std::string name{};                                             // file: its path; queue: its name; bus: the other bus's name
  std::uint64_t max_bytes = 0, keep = 5, sync_every = 0;          // file
  std::uint64_t capacity = 100'000;                               // queue
  std::chrono::milliseconds visibility_timeout{30'000};           // queue
  std::uint64_t max_receives = 0;                                 // queue
  std::shared_ptr<const target_description> dead_letter_queue{};  // of a queue; null: it has none
  std::uint64_t max_hops = 16;                                    // bus
  std::size_t offset = 0;                                         // in the text
};

struct target_document {
  std::string id{};
  target_description to{};
  std::optional<delivery_options> delivery{};
  target_input input{};
  std::optional<target_description> dead_letter{};
  string_map tags{};
  std::size_t offset = 0, delivery_offset = 0, input_offset = 0;
};

struct rule_document {
  rule fields{};
  std::vector<target_document> targets{};
  std::size_t offset = 0, tags_offset = 0, schedule_offset = 0;
  std::size_t pattern_offset = 0, pattern_size = 0;  // of its value in the text
};

struct bus_document {
  std::string name{}, description{};
  std::string policy{};  // compact JSON; empty: none
  std::optional<target_description> dead_letter{};
  string_map tags{};
  std::vector<rule_document> rules{};
  std::size_t offset = 0, tags_offset = 0, dead_letter_offset = 0, policy_offset = 0;
};

struct configuration_document {
  std::vector<bus_document> buses{};
};

/// `standard` is what a target's delivery options are without those of its own. Errors have a place.
result<configuration_document> read_configuration(std::string_view json, const delivery_options& standard);
/// Canonical: sorted by name, what is as in `standard` or is the default left out.
std::string write_configuration(configuration_document document, const delivery_options& standard);
/// One line, canonical: equal descriptions give equal text.
std::string write_description(const target_description& d);

/// An error at a byte of the text, which begins with the path of what is there: "buses[0].name: …".
error error_in_document(errc code, std::string_view what, std::string_view json, std::size_t offset);

/// A member of delivery_options that is a whole number: its group ("" or "retry_policy", "rate", …), its name in JSON, what
/// rulebus::check calls it, and how it is got and set.
struct delivery_member {
  std::string_view group, name, checked_name;
  std::uint64_t max;
  std::uint64_t (*get)(const delivery_options&);
  void (*set)(delivery_options&, std::uint64_t);
};
std::vector<delivery_member> const& delivery_members();

inline constexpr std::string_view dispatch_names[] = {"caller", "executor"};
inline constexpr std::string_view overflow_names[] = {"block", "reject", "drop_oldest"};
inline constexpr std::string_view state_names[] = {"ENABLED", "DISABLED"};
inline constexpr std::string_view target_type_names[] = {"", "stdout", "file", "queue", "null", "bus"};

}  // namespace rulebus::inline v1::detail
